//! Passwords are checked so many at a time; those beyond the bound are told at once.

use std::time::{Duration, Instant};

use theseus_policy::{HashFailure, Hashing};

const THREADS: usize = 2;
const PENDING: usize = 3;
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_too_much_is_refused_at_once() {
    let hashing = Hashing::new(THREADS, PENDING, LONG);
    let mut running = Vec::new();
    for _ in 0..THREADS + PENDING {
        let hashing = hashing.clone();
        running.push(tokio::spawn(async move { hashing.decoy(b"x".to_vec()).await }));
    }
    while hashing.pending() < THREADS + PENDING {
        tokio::task::yield_now().await;
    }
    let before = Instant::now();
    assert_eq!(hashing.decoy(b"x".to_vec()).await, Err(HashFailure::Busy));
    assert!(before.elapsed() < Duration::from_millis(100));
    for one in running {
        assert_eq!(one.await.unwrap(), Ok(false));
    }
    assert_eq!(hashing.pending(), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_cannot_make_more_work_at_once() {
    let hashing = Hashing::new(1, 0, LONG);
    let gone = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.decoy(b"x".to_vec()).await }
    });
    while hashing.pending() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    // The work that was begun goes on, and counts until it is done.
    if hashing.pending() == 1 {
        assert_eq!(hashing.decoy(b"x".to_vec()).await, Err(HashFailure::Busy));
    }
    while hashing.pending() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(hashing.decoy(b"x".to_vec()).await, Ok(false));
}

#[tokio::test]
async fn a_password_is_checked_against_its_hash() {
    let hashing = Hashing::new(THREADS, PENDING, LONG);
    let hash = theseus_users::hash(b"secret");
    assert_eq!(hashing.verify(hash.clone(), b"secret".to_vec()).await, Ok(true));
    assert_eq!(hashing.verify(hash, b"wrong".to_vec()).await, Ok(false));
    let unknown = hashing.verify("{SHA}x".to_owned(), b"x".to_vec()).await;
    assert_eq!(unknown, Err(HashFailure::UnknownHash));
}

#[tokio::test]
async fn who_would_wait_for_too_long_is_refused_at_once() {
    let hashing = Hashing::new(1, 1000, Duration::from_micros(1));
    // Before the first nobody knows what one takes; then the one behind another is too late.
    assert_eq!(hashing.decoy(b"x".to_vec()).await, Ok(false));
    let working = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.decoy(b"x".to_vec()).await }
    });
    while hashing.pending() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hashing.decoy(b"x".to_vec()).await, Err(HashFailure::Busy));
    assert_eq!(working.await.unwrap(), Ok(false));
}

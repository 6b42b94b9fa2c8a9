//! How sure a median is: the interval between two of the sorted figures that holds the true median
//! with 95 % probability, whatever the figures are distributed like (order statistics).

/// The bounds among `sorted`; `None` of fewer than six figures, which are too few for 95 %.
pub(crate) fn of_median(sorted: &[f64]) -> Option<(f64, f64)> {
    let count = sorted.len();
    let mut outside = 0.0;
    let mut bound = None;
    for rank in 0..count / 2 {
        // The true median lies below the figure of this rank if at most `rank` figures lie below it.
        outside += binomial(count, rank);
        if 2.0 * outside > 0.05 {
            break;
        }
        bound = Some((sorted[rank], sorted[count - 1 - rank]));
    }
    bound
}

/// That exactly `hits` of `count` fair coins show heads.
fn binomial(count: usize, hits: usize) -> f64 {
    let choose = (0..hits).map(|i| (count - i) as f64 / (i + 1) as f64).product::<f64>();
    choose * 0.5_f64.powi(count as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From any table of confidence intervals for a median.
    #[test]
    fn bounds_are_those_of_the_tables() {
        let ranks = |count: usize| {
            let figures: Vec<f64> = (1..=count).map(|n| n as f64).collect();
            of_median(&figures)
        };
        assert_eq!(ranks(5), None);
        assert_eq!(ranks(6), Some((1.0, 6.0)));
        assert_eq!(ranks(9), Some((2.0, 8.0)));
        assert_eq!(ranks(15), Some((4.0, 12.0)));
        assert_eq!(ranks(20), Some((6.0, 15.0)));
    }
}

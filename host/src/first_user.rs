//! The first start: a users file that is missing is made with one user and a random password, so
//! that nobody runs with a password that others know.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// The name of the user that is made.
const USER: &str = "admin";

/// Makes `path` if it does not exist, and says how to connect. The password is printed this once, on
/// standard output as the log is, and kept nowhere but as its hash.
pub(crate) fn create(path: &Path, address: Option<SocketAddr>) -> io::Result<()> {
    let password = theseus_users::generate_password();
    if !theseus_users::create_first(path, USER, password.as_bytes())? {
        return Ok(());
    }
    println!("{}", welcome(path, &password, address));
    Ok(())
}

fn welcome(path: &Path, password: &str, address: Option<SocketAddr>) -> String {
    let port = address.map_or(1883, |address| address.port());
    let host = match address.map(|address| address.ip()) {
        Some(ip) if !ip.is_unspecified() => ip.to_string(),
        _ => "127.0.0.1".to_owned(),
    };
    let login = format!("-h {host} -p {port} -u {USER} -P {password}");
    format!(
        "\n  {path} did not exist. It was made with one user:\n\n      user      {USER}\n      \
         password  {password}\n\n  In two other terminals:\n\n      mosquitto_sub {login} -t 'greetings/#' -v\n      \
         mosquitto_pub {login} -t greetings/world -m hello\n\n  This is the only time the password is \
         shown. Another one: theseus passwd {USER}\n",
        path = path.display()
    )
}

//! Adds up accounts of lines "ACCOUNT AMOUNT".
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead};

mod about;

#[derive(Debug)]
enum Trouble {
    Fields(usize),
    Amount(usize, String),
    Input(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trouble::Fields(line) => write!(out, "line {line}: two fields are wanted"),
            Trouble::Amount(line, text) => write!(out, "line {line}: {text} is no amount"),
            Trouble::Input(error) => write!(out, "{error}"),
        }
    }
}

fn cents(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    if part.len() != 2 {
        return None;
    }
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    Some(whole.parse::<i64>().ok()? * 100 + sign * part.parse::<i64>().ok()?)
}

fn read<R: BufRead>(input: R) -> Result<BTreeMap<String, i64>, Trouble> {
    let mut accounts = BTreeMap::new();
    for (index, line) in input.lines().enumerate() {
        let line = line.map_err(Trouble::Input)?;
        let (account, amount) = line.split_once(' ').ok_or(Trouble::Fields(index + 1))?;
        let amount = cents(amount).ok_or_else(|| Trouble::Amount(index + 1, amount.to_string()))?;
        *accounts.entry(account.to_string()).or_insert(0) += amount;
    }
    Ok(accounts)
}

fn main() {
    match read(io::stdin().lock()) {
        Ok(accounts) => {
            for (account, sum) in accounts {
                println!("{account:20} {:>8}.{:02}", sum / 100, sum.abs() % 100);
            }
        }
        Err(trouble) => {
            eprintln!("ledger: {trouble}");
            for (name, value) in about::FACTS {
                eprintln!("{name}: {value}");
            }
            std::process::exit(1);
        }
    }
}

//! Lists primes and factors.
mod about;

struct Sieve {
    composite: Vec<bool>,
}

impl Sieve {
    fn up_to(limit: usize) -> Sieve {
        let mut composite = vec![false; limit + 1];
        let mut n = 2;
        while n * n <= limit {
            if !composite[n] {
                for multiple in (n * n..=limit).step_by(n) {
                    composite[multiple] = true;
                }
            }
            n += 1;
        }
        Sieve { composite }
    }

    fn primes(&self) -> impl Iterator<Item = usize> + '_ {
        (2..self.composite.len()).filter(move |&n| !self.composite[n])
    }
}

fn factors(mut number: u64, sieve: &Sieve) -> Vec<u64> {
    let mut found = Vec::new();
    for prime in sieve.primes() {
        while number % prime as u64 == 0 {
            found.push(prime as u64);
            number /= prime as u64;
        }
    }
    if number > 1 {
        found.push(number);
    }
    found
}

fn main() {
    let sieve = Sieve::up_to(65536);
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_none() {
        eprintln!("primes ({}: {})\nusage: primes NUMBER...", about::LABEL, about::ABOUT);
        std::process::exit(2);
    }
    for argument in arguments {
        match argument.parse() {
            Ok(number) if number > 0 => println!("{number}: {:?}", factors(number, &sieve)),
            _ => panic!("{argument} is no number from 1"),
        }
    }
}

//! One run of one program, and the medians of many.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{command, failure::Failure};

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
    pub(super) peak_mib: f64,
    pub(super) code: i32,
}

impl Run {
    /// Runs a program by way of the small measuring program.
    pub(super) fn of(measurer: &Path, words: &[String]) -> Result<Self, Failure> {
        Self::by(command::program(measurer, words))
    }

    /// The same, where the command that starts the measuring program has been made already.
    pub(super) fn by(mut task: Command) -> Result<Self, Failure> {
        // Cargo adds its folders for shared libraries, and the loader would look for each library in each of them.
        task.env_remove("LD_LIBRARY_PATH");
        let told = command::output(task)?;
        Self::read(&told).ok_or_else(|| Failure::new(format!("The measuring program said `{}`.", told.trim())))
    }

    pub(super) fn read(told: &str) -> Option<Self> {
        let mut numbers = told.split_whitespace();
        let mut next = || numbers.next()?.parse::<f64>().ok();
        let (wall, cpu, peak) = (next()?, next()?, next()?);
        Some(Self { wall_ms: wall / 1000.0, cpu_ms: cpu / 1000.0, peak_mib: peak / 1024.0, code: numbers.next()?.parse().ok()? })
    }
}

/// The medians of a command's runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) wall_ms: f64,
    pub(super) least_ms: f64,
    pub(super) cpu_ms: f64,
    pub(super) peak_mib: f64,
    pub(super) code: i32,
    pub(super) runs: usize,
    /// The highest number of descriptors open at once, where it was counted.
    pub(super) descriptors: Option<usize>,
}

impl Measured {
    /// None for no run at all.
    pub(super) fn of(runs: &[Run]) -> Option<Self> {
        let column = |of: fn(&Run) -> f64| median(runs.iter().map(of).collect());
        Some(Self {
            wall_ms: column(|run| run.wall_ms)?,
            least_ms: runs.iter().map(|run| run.wall_ms).fold(f64::INFINITY, f64::min),
            cpu_ms: column(|run| run.cpu_ms)?,
            peak_mib: column(|run| run.peak_mib)?,
            code: runs.last()?.code,
            runs: runs.len(),
            descriptors: None,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!([self.wall_ms, self.least_ms, self.cpu_ms, self.peak_mib, self.code, self.runs, self.descriptors])
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let number = |index: usize| value.get(index)?.as_f64();
        let count = |index: usize| usize::try_from(value.get(index)?.as_u64()?).ok();
        Some(Self {
            wall_ms: number(0)?,
            least_ms: number(1)?,
            cpu_ms: number(2)?,
            peak_mib: number(3)?,
            code: i32::try_from(value.get(4)?.as_i64()?).ok()?,
            runs: count(5)?,
            descriptors: count(6),
        })
    }
}

/// The middle of some numbers, the mean of the middle two for an even count; none for none.
pub(super) fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let upper = *numbers.get(middle)?;
    let lower = middle.checked_sub(1).and_then(|index| numbers.get(index));
    Some(match lower {
        Some(lower) if numbers.len().is_multiple_of(2) => f64::midpoint(*lower, upper),
        _ => upper,
    })
}

/// The smallest number that at least so many of a hundred do not exceed (nearest rank); none for none.
pub(super) fn percentile(mut numbers: Vec<f64>, of_hundred: usize) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let rank = (numbers.len() * of_hundred).div_ceil(100);
    numbers.get(rank.saturating_sub(1)).copied()
}

/// The highest number of descriptors that a program had open, by its system calls in strace's words.
pub(super) fn most_descriptors(strace: &str) -> Option<usize> {
    // A descriptor is always the lowest free number, so the highest number given out is the peak.
    let given = strace.lines().filter_map(|line| {
        let (call, result) = line.rsplit_once(" = ")?;
        let name = call.rsplit(' ').find_map(|word| word.split_once('(').map(|(name, _)| name))?;
        let opens = CREATES.iter().any(|create| call.contains(&format!("{create}("))) || name == "fcntl";
        opens.then(|| result.split_whitespace().next()?.parse::<usize>().ok())?
    });
    given.max().map(|highest| highest + 1)
}

/// System calls that give out a descriptor.
pub(super) const CREATES: &[&str] = &[
    "openat",
    "open",
    "socket",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "eventfd2",
    "pidfd_open",
    "memfd_create",
    "accept4",
    "openat2",
];

#[cfg(test)]
mod tests {
    use super::{Measured, Run, median, most_descriptors, percentile};

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!(near(median(vec![3.0, 1.0, 2.0]), 2.0));
        assert!(near(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5));
        assert!(near(median(vec![7.0]), 7.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_percentile_is_the_number_that_so_many_do_not_exceed() {
        let numbers: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(percentile(numbers.clone(), 95), Some(19.0));
        assert_eq!(percentile(numbers.clone(), 100), Some(20.0));
        assert_eq!(percentile(numbers, 50), Some(10.0));
        assert_eq!(percentile(vec![7.0], 95), Some(7.0));
        assert_eq!(percentile(Vec::new(), 95), None);
    }

    #[test]
    fn each_column_has_its_own_median() {
        let run = |wall_ms, cpu_ms| Run { wall_ms, cpu_ms, peak_mib: 3.0, code: 0 };
        let measured = Measured::of(&[run(9.0, 1.0), run(2.0, 8.0), run(5.0, 4.0)]).expect("there are runs");
        assert!(near(Some(measured.wall_ms), 5.0) && near(Some(measured.cpu_ms), 4.0) && near(Some(measured.least_ms), 2.0));
        assert_eq!(Measured::from_json(&measured.to_json()), Some(measured));
    }

    #[test]
    fn the_measuring_program_is_understood() {
        assert_eq!(Run::read("1500 900 2048 1\n"), Some(Run { wall_ms: 1.5, cpu_ms: 0.9, peak_mib: 2.0, code: 1 }));
        assert_eq!(Run::read("noise"), None);
    }

    #[test]
    fn the_highest_descriptor_is_found() {
        let strace = "openat(AT_FDCWD, \"/proc\", O_RDONLY) = 3\n[pid 7] socket(AF_NETLINK, SOCK_RAW, 4) = 4\nclose(4) = 0\nread(3, \"\", 9000) = 4096\nopenat(3, \"7/fd\", O_RDONLY) = -1 EACCES (Permission denied)\n";
        assert_eq!(most_descriptors(strace), Some(5));
    }
}

//! Which service is started before which.

use super::Service;

/// Why services have no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tangle {
    /// Each of these waits for the next, and the last for the first.
    Circle(Vec<String>),
    /// A service waits for one that is not declared.
    Unknown {
        /// The one that waits.
        service: String,
        /// What it waits for.
        after: String,
    },
}

/// Positions of the services that are `wanted`, with all that they wait for: whatever a service waits for comes before it, and
/// otherwise the order of the file holds. All of them where none is named.
///
/// # Errors
///
/// Where there is no such order, or a wanted one is not declared (as [`Tangle::Unknown`] with an empty `service`).
pub fn order(services: &[Service], wanted: &[String]) -> Result<Vec<usize>, Tangle> {
    let mut walk = Walk { services, state: vec![State::Untouched; services.len()], line: Vec::new(), found: Vec::new() };
    let first = if wanted.is_empty() {
        (0..services.len()).collect()
    } else {
        wanted.iter().map(|name| walk.position("", name)).collect::<Result<Vec<_>, _>>()?
    };
    for position in first {
        walk.visit(position)?;
    }
    Ok(walk.found)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Untouched,
    Waiting,
    Placed,
}

struct Walk<'a> {
    services: &'a [Service],
    state: Vec<State>,
    /// Those that wait for what is visited now.
    line: Vec<usize>,
    found: Vec<usize>,
}

impl Walk<'_> {
    fn position(&self, service: &str, name: &str) -> Result<usize, Tangle> {
        let position = self.services.iter().position(|other| other.name == name);
        position.ok_or_else(|| Tangle::Unknown { service: service.to_owned(), after: name.to_owned() })
    }

    /// Places a service after all that it waits for. As deep as services wait for each other; a loop instead of calls, for a file may
    /// declare many thousands.
    fn visit(&mut self, first: usize) -> Result<(), Tangle> {
        let mut steps = vec![(first, 0)];
        while let Some((position, next)) = steps.pop() {
            let services = self.services;
            let service = &services[position];
            if next == 0 {
                match self.state[position] {
                    State::Placed => continue,
                    State::Waiting => {
                        let start = self.line.iter().position(|other| *other == position).unwrap_or_default();
                        let names = self.line[start..].iter().map(|other| services[*other].name.clone());
                        return Err(Tangle::Circle(names.collect()));
                    }
                    State::Untouched => {}
                }
                self.state[position] = State::Waiting;
                self.line.push(position);
            }
            if let Some(name) = service.after.get(next) {
                let before = self.position(&service.name, name)?;
                steps.push((position, next + 1));
                steps.push((before, 0));
            } else {
                self.state[position] = State::Placed;
                self.line.pop();
                self.found.push(position);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Service, Tangle, order};

    fn services(declared: &[(&str, &[&str])]) -> Vec<Service> {
        let after = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        declared
            .iter()
            .map(|(name, names)| Service { name: (*name).to_owned(), after: after(names), ..Service::default() })
            .collect()
    }

    fn names(declared: &[(&str, &[&str])], wanted: &[&str]) -> Result<Vec<String>, Tangle> {
        let services = services(declared);
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        order(&services, &wanted).map(|found| found.into_iter().map(|position| services[position].name.clone()).collect())
    }

    #[test]
    fn what_is_waited_for_comes_first() {
        let declared: &[(&str, &[&str])] =
            &[("web", &["api", "db"]), ("api", &["db", "cache"]), ("db", &[]), ("cache", &[]), ("docs", &[])];
        assert_eq!(names(declared, &[]).unwrap(), ["db", "cache", "api", "web", "docs"]);
        assert_eq!(names(declared, &["api"]).unwrap(), ["db", "cache", "api"]);
        assert_eq!(names(declared, &["docs", "db"]).unwrap(), ["docs", "db"]);
    }

    #[test]
    fn circles_and_unknown_ones_are_named() {
        let circle = names(&[("x", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])], &[]).unwrap_err();
        assert_eq!(circle, Tangle::Circle(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        assert_eq!(names(&[("a", &["a"])], &[]).unwrap_err(), Tangle::Circle(vec!["a".to_owned()]));
        let unknown = |service: &str, after: &str| Tangle::Unknown { service: service.to_owned(), after: after.to_owned() };
        assert_eq!(names(&[("a", &["b"])], &[]).unwrap_err(), unknown("a", "b"));
        assert_eq!(names(&[("a", &[])], &["b"]).unwrap_err(), unknown("", "b"));
    }

    #[test]
    fn a_long_line_of_services_is_no_deep_call() {
        let many = 100_000;
        let mut services: Vec<Service> = (0..many).map(|n| Service { name: n.to_string(), ..Service::default() }).collect();
        // Looking a name up is a walk: each one waits for its neighbour at the front of the list.
        services.iter_mut().take(2_000).enumerate().for_each(|(n, service)| service.after = vec![(n + 1).to_string()]);
        assert_eq!(order(&services, &["0".to_owned()]).unwrap().len(), 2_001);
    }
}

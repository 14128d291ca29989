//! All leases, as they are listed.

use portward_model::{Failure, Moment, PortRange, Text};
use rusqlite::Connection;

use super::{ProjectId, Store, error::StoreError, rules};

/// A lease with its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// The project's number.
    pub id: ProjectId,
    /// What people call the project; `None` for what belongs to no project.
    pub project: Option<Text>,
    /// Its root; `None` for what belongs to no project.
    pub root: Option<Text>,
    /// The lease's name.
    pub name: Option<String>,
    /// The port that programs ask for.
    pub asked: Option<u16>,
    /// The port.
    pub port: u16,
    /// The block that the port belongs to.
    pub block: PortRange,
    /// When it was taken.
    pub created_at: Moment,
}

impl Store<'_> {
    /// Every lease of this user, by port; not what lives with a session alone.
    pub fn all(&self) -> Result<Vec<LeaseRow>, Failure> {
        read(&self.connection).map_err(|error| self.told(error))
    }
}

fn read(store: &Connection) -> Result<Vec<LeaseRow>, StoreError> {
    let select = "SELECT id, projects.name, root, leases.name, asked, port, leases.created_at \
                  FROM leases JOIN projects ON project = id WHERE holder IS NULL ORDER BY port";
    let mut statement = store.prepare(select)?;
    let rows = statement.query_map([], |row| {
        let text =
            |index| Ok::<_, rusqlite::Error>(Some(Text::new(row.get::<_, Vec<u8>>(index)?)).filter(|text| !text.is_empty()));
        let port: u16 = row.get(5)?;
        Ok(LeaseRow {
            id: ProjectId(row.get(0)?),
            project: text(1)?,
            root: text(2)?,
            name: row.get(3)?,
            asked: row.get(4)?,
            port,
            block: rules::block(port - port % rules::LENGTH),
            created_at: Moment(row.get(6)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

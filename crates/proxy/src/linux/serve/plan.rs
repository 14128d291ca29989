//! How a folder is served.

use super::guard::Login;

/// How a folder is served: what a person chose.
#[derive(Debug)]
pub struct Plan {
    /// What the folder is called, in listings.
    pub title: String,
    /// Files that stand for their folder, in this order.
    pub index: Vec<Vec<u8>>,
    /// Whether folders are listed.
    pub listing: Listing,
    /// The file that answers navigations to what is not there.
    pub spa: Option<Vec<u8>>,
    /// The file that is sent with 404.
    pub not_found: Option<Vec<u8>>,
    /// What may be left out at the end of a name, without the dot.
    pub extension: Option<Vec<u8>>,
    /// Names that begin with a dot are served, too.
    pub hidden: bool,
    /// Pages of every other origin may read.
    pub cors: bool,
    /// Pages are isolated from other origins (COOP, COEP and CORP).
    pub isolation: bool,
    /// Files are taken in.
    pub uploads: Option<Uploads>,
    /// Who may come in.
    pub login: Option<Login>,
    /// How long browsers keep files, in seconds; `None` for not at all.
    pub cache: Option<u32>,
    /// Fields of every answer.
    pub fields: Vec<(String, String)>,
    /// Files are packed while they are sent.
    pub compress: bool,
    /// Pages load anew when a file changes.
    pub reload: bool,
    /// Further names that this is reached by.
    pub hosts: Vec<String>,
    /// Further ports that clients dial, as those of a forwarder.
    pub ports: Vec<u16>,
    /// The network may come in.
    pub exposed: bool,
}

/// Whether folders are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// Where they have no index file.
    #[default]
    Auto,
    /// Always: no file stands for its folder.
    Only,
    /// Never.
    Never,
}

/// How files are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploads {
    /// A file may take another one's place.
    pub overwrite: bool,
    /// The most bytes of one request.
    pub limit: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            title: String::new(),
            index: vec![b"index.html".to_vec(), b"index.htm".to_vec()],
            listing: Listing::Auto,
            spa: None,
            not_found: None,
            extension: None,
            hidden: false,
            cors: false,
            isolation: false,
            uploads: None,
            login: None,
            cache: None,
            fields: Vec::new(),
            compress: false,
            reload: false,
            hosts: Vec::new(),
            ports: Vec::new(),
            exposed: false,
        }
    }
}

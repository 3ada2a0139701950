//! The example lab and the demo's cases, as they are in the checkout from which the program was built.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "boards/"]
struct Boards;

#[derive(RustEmbed)]
#[folder = "queue/"]
struct Queue;

#[derive(RustEmbed)]
#[folder = "site/content/"]
struct Content;

#[derive(RustEmbed)]
#[folder = "site/static/"]
struct Static;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

const LAB: &[u8] = include_bytes!("../../../lab.yaml");

/// A file's path in the lab, and its contents.
pub type File = (String, Vec<u8>);

fn all<E: RustEmbed>(folder: &str) -> impl Iterator<Item = File> {
    E::iter().filter_map(move |path| {
        let file = E::get(&path)?;
        Some((format!("{folder}/{path}"), file.data.into_owned()))
    })
}

/// Everything of the example lab but its jobs.
pub fn lab() -> Vec<File> {
    [("lab.yaml".to_owned(), LAB.to_vec())]
        .into_iter()
        .chain(all::<Boards>("boards"))
        .chain(all::<Content>("site/content"))
        .chain(all::<Static>("site/static"))
        .chain(all::<Templates>("templates"))
        .chain(all::<Queue>("queue").filter(|(path, _)| !path.ends_with(".json")))
        .collect()
}

/// The example lab's own jobs.
pub fn examples() -> Vec<File> {
    all::<Queue>("queue")
        .filter(|(path, _)| path.ends_with(".json"))
        .collect()
}

/// A case of the demo by the stem of its file; `None` if the program was built without it.
pub fn case(stem: &str) -> Option<File> {
    let file = Templates::get(&format!("demo/{stem}.json"))?;
    Some((path(stem), file.data.into_owned()))
}

/// Where a case lies in the queue.
pub fn path(stem: &str) -> String {
    format!("queue/{stem}.json")
}

//! What a file is, by what its name ends with: media types as browsers expect them (IANA's registry, WHATWG MIME Sniffing).

/// The media type of a file with this name, without parameters; `application/octet-stream` where nothing is known.
pub fn of_extension(name: &[u8]) -> &'static str {
    let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let Some(dot) = last.iter().rposition(|byte| *byte == b'.') else { return UNKNOWN };
    let Some(extension) = last.get(dot + 1..).filter(|extension| extension.len() <= 16) else { return UNKNOWN };
    let mut lower = [0; 16];
    for (slot, byte) in lower.iter_mut().zip(extension) {
        *slot = byte.to_ascii_lowercase();
    }
    let own = lower.get(..extension.len()).unwrap_or_default();
    let found = KINDS.iter().find(|(extensions, _)| extensions.split(' ').any(|known| known.as_bytes() == own));
    found.map_or(UNKNOWN, |(_, kind)| kind)
}

/// The type as it is sent: text is UTF-8.
pub fn with_charset(kind: &str) -> String {
    let is_text = kind.starts_with("text/") || matches!(kind, "application/xml" | "application/xhtml+xml");
    if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

/// True where packing makes it smaller.
pub fn is_packable(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind,
            "application/json"
                | "application/xml"
                | "application/wasm"
                | "application/x-ndjson"
                | "application/yaml"
                | "application/toml"
                | "application/sql"
                | "application/rtf"
                | "application/vnd.ms-fontobject"
                | "font/ttf"
                | "font/otf"
                | "image/bmp"
                | "image/x-icon"
                | "model/obj"
        )
}

const UNKNOWN: &str = "application/octet-stream";

/// Extensions with their type, the most frequent ones first.
const KINDS: &[(&str, &str)] = &[
    ("html htm", "text/html"),
    ("js mjs cjs", "text/javascript"),
    ("css", "text/css"),
    ("json map", "application/json"),
    ("svg svgz", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg jpeg jfif", "image/jpeg"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("gif", "image/gif"),
    ("ico", "image/x-icon"),
    ("wasm", "application/wasm"),
    ("woff2", "font/woff2"),
    ("woff", "font/woff"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("eot", "application/vnd.ms-fontobject"),
    ("webmanifest", "application/manifest+json"),
    ("txt text log conf ini properties", "text/plain"),
    ("md markdown", "text/markdown"),
    ("xml xsd rng", "application/xml"),
    ("xsl xslt", "application/xslt+xml"),
    ("xhtml xht", "application/xhtml+xml"),
    ("jsonld", "application/ld+json"),
    ("geojson", "application/geo+json"),
    ("topojson", "application/json"),
    ("ndjson jsonl", "application/x-ndjson"),
    ("json5 jsonc", "application/json"),
    ("yaml yml", "application/yaml"),
    ("toml", "application/toml"),
    ("csv", "text/csv"),
    ("tsv", "text/tab-separated-values"),
    ("ics", "text/calendar"),
    ("vcf", "text/vcard"),
    ("vtt", "text/vtt"),
    ("srt", "text/plain"),
    ("rtf", "application/rtf"),
    ("atom", "application/atom+xml"),
    ("rss", "application/rss+xml"),
    ("sql", "application/sql"),
    ("pdf", "application/pdf"),
    ("epub", "application/epub+zip"),
    ("mp4 m4v", "video/mp4"),
    ("webm", "video/webm"),
    ("ogv", "video/ogg"),
    ("mov qt", "video/quicktime"),
    ("mkv", "video/matroska"),
    ("avi", "video/x-msvideo"),
    ("mpeg mpg", "video/mpeg"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("mpd", "application/dash+xml"),
    ("m4s", "video/iso.segment"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("aac", "audio/aac"),
    ("ogg oga opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("weba", "audio/webm"),
    ("mid midi", "audio/midi"),
    ("bmp", "image/bmp"),
    ("tif tiff", "image/tiff"),
    ("apng", "image/apng"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("jxl", "image/jxl"),
    ("jp2", "image/jp2"),
    ("psd", "image/vnd.adobe.photoshop"),
    ("zip", "application/zip"),
    ("gz tgz", "application/gzip"),
    ("bz2", "application/x-bzip2"),
    ("xz", "application/x-xz"),
    ("zst", "application/zstd"),
    ("tar", "application/x-tar"),
    ("7z", "application/x-7z-compressed"),
    ("rar", "application/vnd.rar"),
    ("jar war", "application/java-archive"),
    ("apk", "application/vnd.android.package-archive"),
    ("deb", "application/vnd.debian.binary-package"),
    ("doc dot", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("obj", "model/obj"),
    ("stl", "model/stl"),
    ("eml", "message/rfc822"),
    ("swf", "application/x-shockwave-flash"),
    // Sources are read by people. `.ts` is TypeScript here, and no stream of video: a browser runs neither.
    ("ts mts cts tsx jsx vue svelte astro scss sass less styl", "text/plain"),
    (
        "rs go py rb pl php java kt c h cc cpp hpp cs swift lua sh bash zsh fish ps1 bat tex r jl ex exs erl hs clj scala dart zig",
        "text/plain",
    ),
    ("diff patch gitignore editorconfig lock", "text/plain"),
];

#[cfg(test)]
mod tests {
    use super::{KINDS, is_packable, of_extension, with_charset};

    #[test]
    fn types_as_browsers_want_them() {
        for (name, kind) in [
            ("index.html", "text/html"),
            ("a/B.HTM", "text/html"),
            ("app.js", "text/javascript"),
            ("app.min.mjs", "text/javascript"),
            ("app.js.map", "application/json"),
            ("a.wasm", "application/wasm"),
            ("site.webmanifest", "application/manifest+json"),
            ("x.tar.gz", "application/gzip"),
            ("dir.html/file", "application/octet-stream"),
            ("file", "application/octet-stream"),
            ("x.", "application/octet-stream"),
            ("x.verylongextensionthatnobodyhas", "application/octet-stream"),
        ] {
            assert_eq!(of_extension(name.as_bytes()), kind, "{name}");
        }
        assert_eq!(with_charset("text/css"), "text/css; charset=utf-8");
        assert_eq!(with_charset("application/json"), "application/json");
        assert_eq!(with_charset("image/svg+xml"), "image/svg+xml");
        assert!(
            is_packable("image/svg+xml") && is_packable("text/css") && !is_packable("image/png") && !is_packable("font/woff2")
        );
    }

    #[test]
    fn an_extension_stands_once() {
        let mut all: Vec<&str> = KINDS.iter().flat_map(|(extensions, _)| extensions.split(' ')).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

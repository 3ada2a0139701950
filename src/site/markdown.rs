//! Markdown as harmless HTML: raw HTML is shown as text, links lead only where links may.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::text::clean;

/// Where a link of a text leads, decided by whoever knows the text's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Link(String),
    /// The link's text alone is shown.
    Nowhere,
}

/// A rendered text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The first heading's text, if the text begins with one; it is not in `html`.
    pub title: Option<String>,
    pub html: String,
    /// The headings of the second level, with their anchors.
    pub headings: Vec<(String, String)>,
}

/// Renders a text. Headings become smaller by `lower` levels; `link` and `image` judge what is not
/// an absolute web or mail address.
pub fn render(
    source: &str,
    lower: usize,
    link: impl Fn(&str) -> Target,
    image: impl Fn(&str) -> Target,
) -> Rendered {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM;
    let mut events: Vec<Event<'_>> = Vec::new();
    // What each open link or image was turned into.
    let mut open: Vec<bool> = Vec::new();
    for event in Parser::new_ext(source, options) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(safe(&text))),
            Event::Text(text) => events.push(Event::Text(safe(&text))),
            Event::Code(text) => events.push(Event::Code(safe(&text))),
            Event::Start(Tag::HtmlBlock) => events.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => events.push(Event::End(TagEnd::Paragraph)),
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let target = match scheme(&dest_url) {
                    Some("http" | "https" | "mailto") => Target::Link(dest_url.to_string()),
                    Some(_) => Target::Nowhere,
                    // Such as <someone@example.org>, which Markdown calls a mail link.
                    None if link_type == pulldown_cmark::LinkType::Email => {
                        Target::Link(format!("mailto:{dest_url}"))
                    }
                    None if dest_url.starts_with("//") => Target::Nowhere,
                    None => link(&dest_url),
                };
                let kept = matches!(target, Target::Link(_));
                if let Target::Link(to) = target {
                    events.push(Event::Start(Tag::Link {
                        link_type: pulldown_cmark::LinkType::Inline,
                        dest_url: safe(&to),
                        title: safe(&title),
                        id,
                    }));
                }
                open.push(kept);
            }
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let local = scheme(&dest_url).is_none() && !dest_url.starts_with("//");
                let target = if local {
                    image(&dest_url)
                } else {
                    Target::Nowhere
                };
                let kept = matches!(target, Target::Link(_));
                if let Target::Link(to) = target {
                    events.push(Event::Start(Tag::Image {
                        link_type,
                        dest_url: safe(&to),
                        title: safe(&title),
                        id,
                    }));
                }
                open.push(kept);
            }
            Event::End(end @ (TagEnd::Link | TagEnd::Image)) => {
                if open.pop().unwrap_or(false) {
                    events.push(Event::End(end));
                }
            }
            other => events.push(other),
        }
    }
    let mut rendered = Rendered::default();
    take_title(&mut events, &mut rendered);
    name_headings(&mut events, &mut rendered, lower);
    html::push_html(&mut rendered.html, events.into_iter());
    rendered
}

/// A text whose relative links and images make no sense where it is shown.
pub fn render_alone(source: &str) -> String {
    let anywhere = |to: &str| match to.starts_with('#') {
        true => Target::Link(to.to_owned()),
        false => Target::Nowhere,
    };
    // Below a page's title and its sections.
    let rendered = render(source, 2, anywhere, |_| Target::Nowhere);
    match rendered.title {
        Some(title) => {
            let mut html = "<h3>".to_owned();
            super::text::push_escaped(&mut html, &title);
            html + "</h3>\n" + &rendered.html
        }
        None => rendered.html,
    }
}

fn safe<'a>(text: &str) -> CowStr<'a> {
    CowStr::from(clean(text))
}

/// The scheme of an address, in lower case only when it is written so: others are refused.
fn scheme(to: &str) -> Option<&str> {
    let (scheme, _) = to.split_once(':')?;
    let relative = scheme.contains(['/', '?', '#']);
    (!relative).then_some(scheme)
}

fn take_title(events: &mut Vec<Event<'_>>, rendered: &mut Rendered) {
    let first = Event::Start(Tag::Heading {
        level: HeadingLevel::H1,
        id: None,
        classes: Vec::new(),
        attrs: Vec::new(),
    });
    if events.first() != Some(&first) {
        return;
    }
    let end = events
        .iter()
        .position(|event| *event == Event::End(TagEnd::Heading(HeadingLevel::H1)));
    if let Some(end) = end {
        rendered.title = Some(text_of(&events[..end]));
        events.drain(..=end);
    }
}

fn text_of(events: &[Event<'_>]) -> String {
    events
        .iter()
        .map(|event| match event {
            Event::Text(text) | Event::Code(text) => &**text,
            Event::SoftBreak => " ",
            _ => "",
        })
        .collect()
}

/// Gives every heading an anchor and its lower level.
fn name_headings(events: &mut [Event<'_>], rendered: &mut Rendered, lower: usize) {
    let mut used: Vec<String> = Vec::new();
    for at in 0..events.len() {
        let (before, rest) = events.split_at_mut(at + 1);
        match &mut before[at] {
            Event::Start(Tag::Heading { level, id, .. }) => {
                let end = rest
                    .iter()
                    .position(|event| matches!(event, Event::End(TagEnd::Heading(_))));
                let text = text_of(&rest[..end.unwrap_or(0)]);
                let mut anchor = anchor(&text);
                let same = used.iter().filter(|known| **known == anchor).count();
                used.push(anchor.clone());
                if same > 0 {
                    anchor = format!("{anchor}-{same}");
                }
                if *level == HeadingLevel::H2 {
                    rendered.headings.push((text, anchor.clone()));
                }
                *id = Some(anchor.into());
                *level = lowered(*level, lower);
            }
            Event::End(TagEnd::Heading(level)) => *level = lowered(*level, lower),
            _ => {}
        }
    }
}

fn lowered(level: HeadingLevel, lower: usize) -> HeadingLevel {
    HeadingLevel::try_from((level as usize + lower).min(6)).unwrap_or(HeadingLevel::H6)
}

/// As forges make anchors: lower case, spaces to dashes, punctuation gone.
fn anchor(text: &str) -> String {
    let kept = text.chars().filter_map(|c| match c {
        ' ' | '-' => Some('-'),
        _ if c.is_alphanumeric() || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_markdown_is_only_text() {
        let html = render_alone(
            "<script>alert(1)</script>\n\n[a](javascript:alert(1)) [b](JavaScript:x) [c](data:text/html,x) \
             [d](//evil.example) <img src=x onerror=y> ![i](https://evil.example/x.png) \u{202e}turned",
        );
        for bad in [
            "<script",
            "javascript:",
            "JavaScript:",
            "data:",
            "evil.example\"",
            "<img",
            "\u{202e}",
        ] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
    }

    #[test]
    fn good_markdown_stays() {
        let html = render_alone(
            "**Bold**, `code`, [web](https://example.org/?a=b&c), <me@example.org>\n\n| a |\n|---|\n| b |",
        );
        for good in [
            "<strong>Bold</strong>",
            "<code>code</code>",
            "<a href=\"https://example.org/?a=b&amp;c\">web</a>",
            "<a href=\"mailto:me@example.org\">",
            "<table>",
        ] {
            assert!(html.contains(good), "{good} not in {html}");
        }
    }

    #[test]
    fn the_first_heading_is_the_title() {
        let nowhere = |_: &str| Target::Nowhere;
        let rendered = render(
            "# The `pumice` manual\n\n## Über uns!\n\ntext\n\n## Über uns!",
            0,
            nowhere,
            nowhere,
        );
        assert_eq!(rendered.title.as_deref(), Some("The pumice manual"));
        assert!(
            rendered.html.contains("<h2 id=\"Über-uns\">")
                || rendered.html.contains("<h2 id=\"über-uns\">")
        );
        assert!(!rendered.html.contains("<h1"));
        assert_eq!(rendered.headings.len(), 2);
        assert_ne!(rendered.headings[0].1, rendered.headings[1].1);
    }
}

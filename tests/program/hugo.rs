//! Editors' changes in the published Markdown files: they stay, and flow back into the feeds.

use std::path::PathBuf;

use crate::common::{Origin, Place, Ran, rss};

const RULES: &str = "[[topic]]\ncategory = \"V: Alpha\"\nany = [\"alpha\"]\n\n[[topic]]\ncategory = \"V: Beta\"\nany = [\"beta\"]\n";

struct Desk {
    origin: Origin,
    place: Place,
    day: u32,
}

impl Desk {
    /// Two articles about alpha, one about beta.
    fn new(rest: &str) -> Self {
        let origin = Origin::start();
        let sources = vec![("a".to_owned(), origin.url("/a.xml"))];
        let place = Place::new(&origin, &sources, &format!("{RULES}{rest}"));
        let mut desk = Self { origin, place, day: 1 };
        desk.source(&[("1", "Alpha one", "About alpha."), ("2", "Alpha two", "Of two."), ("3", "Beta three", "Of three.")]);
        desk.refresh(&["refresh"]);
        desk
    }

    fn source(&mut self, items: &[(&str, &str, &str)]) {
        let items: String = items
            .iter()
            .map(|(id, title, text)| {
                format!(
                    "<item><guid isPermaLink=\"false\">{id}</guid><title>{title}</title><link>https://news.example/{id}</link>\
                     <pubDate>0{id} Nov 2026 08:00:00 GMT</pubDate><description>{text}</description></item>"
                )
            })
            .collect();
        self.origin.put("/a.xml", "application/rss+xml", rss("News", &[]).replace("</channel>", &format!("{items}</channel>")));
    }

    /// A run on the next day.
    #[track_caller]
    fn refresh(&mut self, arguments: &[&str]) -> Ran {
        self.day += 1;
        self.place.run_at(&format!("2026-12-{:02}T12:00:00Z", self.day), arguments).expect(0)
    }

    fn file(&self, id: &str) -> PathBuf {
        let told = self.place.run(&["explain", &format!("https://news.example/{id}"), "--json"]).expect(0).json();
        PathBuf::from(told["published_at"][0].as_str().unwrap())
    }

    fn text(&self, id: &str) -> String {
        std::fs::read_to_string(self.file(id)).unwrap()
    }

    /// What an editor does to a file.
    #[track_caller]
    fn edit(&self, id: &str, changes: &[(&str, &str)]) {
        let mut text = self.text(id);
        for (from, to) in changes {
            assert!(text.contains(from), "{from} in {text}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(self.file(id), text).unwrap();
    }

    fn titles(&self, topic: &str) -> Vec<String> {
        let atom = self.place.published(&format!("topic/{topic}/feed.atom"));
        atom.split("<entry>").skip(1).map(|e| e.split("<title>").nth(1).unwrap().split('<').next().unwrap().to_owned()).collect()
    }

    fn overrides(&self) -> String {
        std::fs::read_to_string(self.place.path().join("overrides.toml")).unwrap_or_default()
    }

    /// Nothing moves any more, whatever runs.
    #[track_caller]
    fn settles(&mut self) {
        let before = (self.place.tree(), self.overrides(), self.place.rows());
        for command in [&["refresh"][..], &["publish"], &["refresh"]] {
            let ran = self.refresh(command);
            assert_eq!(ran.err, "");
            assert!(ran.out.contains("0 files written"), "{}", ran.out);
        }
        assert!((self.place.tree(), self.overrides(), self.place.rows()) == before, "files, overrides or rows moved");
    }
}

#[test]
fn a_title_and_categories_flow_back_and_what_follows_from_them_follows() {
    let mut desk = Desk::new("");
    desk.edit("1", &[("\ntitle: Alpha one\n", "\ntitle: By hand\n"), ("  - 'V: Alpha'\n", "  - 'V: Beta'\n  - 'Own: Thing'\n")]);
    let ran = desk.refresh(&["refresh"]);
    assert!(ran.err.contains("retitled: By hand, + V: Beta, - V: Alpha"), "{}", ran.err);
    assert!(ran.err.contains("there is no [[topic]] \"Own: Thing\""), "{}", ran.err);
    assert_eq!((desk.titles("v-alpha"), desk.titles("v-beta")), (vec!["Alpha two".into()], vec!["Beta three".into(), "By hand".into()]));
    assert!(
        desk.overrides().contains("by = \"editor's file\"") && desk.overrides().contains("title = \"By hand\""),
        "{}",
        desk.overrides()
    );
    let text = desk.text("1");
    for line in [
        "aliases: /news/by-hand",
        "categories:\n  - 'V: Beta'\n  - 'Own: Thing'",
        "categoryUrl:\n  - topic/v-beta\n  - topic/own-thing",
        "slug: news-by-hand",
        "title: By hand",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let told = desk.place.run(&["explain", "https://news.example/1"]).expect(0).out;
    assert!(told.contains("editor       by editor's file"), "{told}");
    desk.settles();
    // The source's own title again, and no categories at all.
    desk.edit(
        "1",
        &[("\ntitle: By hand\n", "\ntitle: Alpha one\n"), ("categories:\n  - 'V: Beta'\n  - 'Own: Thing'\n", "categories: []\n")],
    );
    desk.refresh(&["refresh"]);
    assert!(!desk.overrides().contains("\ntitle ="), "{}", desk.overrides());
    assert_eq!((desk.titles("v-alpha"), desk.titles("v-beta")), (vec!["Alpha two".into()], vec!["Beta three".into()]));
    desk.settles();
}

#[test]
fn own_fields_a_summary_and_the_body_stay_when_the_source_changes() {
    let mut desk = Desk::new("");
    desk.edit(
        "1",
        &[
            ("description: About alpha.", "description: A better summary."),
            ("sub: brief", "sub: brief\nreviewed: 2026-12-01 # by the desk"),
        ],
    );
    desk.edit("2", &[("<p>Of two.</p>", "<p>Of two, at length.</p>\n\n<p>And more.</p>\n")]);
    let edited = (desk.text("1"), desk.text("2"));
    assert_eq!(desk.refresh(&["refresh"]).err, "", "nothing flows back, nothing is rewritten");
    assert_eq!((desk.text("1"), desk.text("2")), edited);
    desk.settles();

    // Other fields change upstream: both are in the file.
    desk.source(&[("1", "Alpha one, corrected", "About alpha."), ("2", "Alpha two", "Of two."), ("3", "Beta three", "Of three.")]);
    assert_eq!(desk.refresh(&["refresh"]).err, "");
    let text = desk.text("1");
    for line in [
        "\ntitle: Alpha one, corrected\n",
        "\ndescription: A better summary.\n",
        "\nreviewed: 2026-12-01 # by the desk\n",
        "slug: news-alpha-one-corrected\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    desk.settles();

    // The same fields change upstream: told, and the editor's stay.
    desk.source(&[
        ("1", "Alpha one, corrected", "About alpha again."),
        ("2", "Alpha two", "Of two again."),
        ("3", "Beta three", "Of three."),
    ]);
    let told = desk.refresh(&["refresh"]).err;
    assert!(told.contains("both its editor and its source changed description"), "{told}");
    assert!(told.contains("both its editor and its source changed body"), "{told}");
    assert!(desk.text("1").contains("description: A better summary.") && desk.text("1").contains("<p>About alpha again.</p>"));
    assert!(desk.text("2").contains("at length") && desk.text("2").contains("description: Of two again."));
    desk.settles();
}

#[test]
fn an_edit_between_a_poll_and_its_publication_is_not_lost() {
    let mut desk = Desk::new("\n[hugo]\nread_back = false\n");
    desk.edit("1", &[("\ntitle: Alpha one\n", "\ntitle: By hand\n")]);
    desk.source(&[("1", "Alpha one, corrected", "About alpha."), ("2", "Alpha two", "Of two."), ("3", "Beta three", "Of three.")]);
    let told = desk.refresh(&["refresh"]).err;
    assert!(told.contains("changed title; the editor's stays"), "{told}");
    assert!(desk.text("1").contains("title: By hand") && desk.text("1").contains("slug: news-by-hand"));
    assert_eq!((desk.titles("v-alpha")[1].as_str(), desk.overrides().as_str()), ("Alpha one, corrected", ""));
    desk.source(&[("1", "Alpha one, corrected", "Alpha and beta."), ("2", "Alpha two", "Of two."), ("3", "Beta three", "Of three.")]);
    assert_eq!(desk.refresh(&["refresh"]).err, "");
    assert!(desk.text("1").contains("title: By hand") && desk.text("1").contains("<p>Alpha and beta.</p>"));
    // Switched on, what was kept flows back.
    let config = std::fs::read_to_string(desk.place.config()).unwrap();
    std::fs::write(desk.place.config(), config.replace("read_back = false", "read_back = true")).unwrap();
    desk.refresh(&["refresh"]);
    assert_eq!(desk.titles("v-alpha")[1], "By hand");
    desk.settles();
}

#[test]
fn draft_hides_and_shows_a_record_and_its_file_stays() {
    let mut desk = Desk::new("");
    let file = desk.file("1");
    desk.edit("1", &[("layOut: single\n", "layOut: single\ndraft: true\n"), ("sub: brief", "sub: long")]);
    let draft = std::fs::read_to_string(&file).unwrap();
    assert!(desk.refresh(&["refresh"]).err.contains("a draft: hidden"));
    assert_eq!(desk.titles("v-alpha"), ["Alpha two"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), draft);
    desk.settles();
    std::fs::write(&file, draft.replace("draft: true\n", "draft: false\n")).unwrap();
    desk.refresh(&["refresh"]);
    assert_eq!(desk.titles("v-alpha"), ["Alpha two", "Alpha one"]);
    assert!(desk.text("1").contains("sub: long") && !desk.overrides().contains("hide"));
    desk.settles();
    // The same switch from the other side.
    std::fs::write(&file, draft).unwrap();
    desk.refresh(&["refresh"]);
    assert_eq!(desk.titles("v-alpha"), ["Alpha two"]);
    desk.place.run(&["hide", "https://news.example/1", "--undo"]).expect(0);
    desk.refresh(&["publish"]);
    assert_eq!(desk.titles("v-alpha"), ["Alpha two", "Alpha one"]);
    assert!(desk.text("1").contains("draft: false") && desk.text("1").contains("sub: long"), "{}", desk.text("1"));
    desk.settles();
}

#[test]
fn a_hidden_records_file_comes_back_with_what_its_editor_wrote() {
    let mut desk = Desk::new("");
    let file = desk.file("1");
    desk.edit("1", &[("sub: brief", "sub: long\nowner: Ada")]);
    desk.place.run(&["hide", "https://news.example/1"]).expect(0);
    desk.refresh(&["publish"]);
    assert!(!file.exists());
    desk.settles();
    desk.place.run(&["hide", "https://news.example/1", "--undo"]).expect(0);
    desk.refresh(&["publish"]);
    assert!(desk.text("1").contains("sub: long\nowner: Ada\n"), "{}", desk.text("1"));
    desk.settles();
}

#[test]
fn a_file_that_was_taken_away_is_not_put_back() {
    let mut desk = Desk::new("");
    let file = desk.file("1");
    std::fs::remove_file(&file).unwrap();
    assert!(desk.refresh(&["refresh"]).err.contains("its file was taken away: hidden"));
    assert_eq!(desk.titles("v-alpha"), ["Alpha two"]);
    desk.source(&[("1", "Alpha one, corrected", "About alpha."), ("2", "Alpha two", "Of two."), ("3", "Beta three", "Of three.")]);
    desk.refresh(&["refresh"]);
    assert!(!file.exists());
    desk.settles();
    desk.place.run(&["hide", "https://news.example/1", "--undo"]).expect(0);
    desk.refresh(&["publish"]);
    assert!(file.exists());
    desk.settles();
}

#[test]
fn an_emptied_folder_is_filled_again_and_hides_nothing() {
    let mut desk = Desk::new("");
    for folder in ["output", "output/news"] {
        std::fs::remove_dir_all(desk.place.path().join(folder)).unwrap();
        desk.refresh(&["refresh"]);
        assert!(desk.file("1").exists() && desk.file("3").exists(), "{folder}");
        assert_eq!(desk.overrides(), "");
        desk.settles();
    }
}

#[test]
fn front_matter_that_does_not_parse_is_told_with_its_line_and_left() {
    let mut desk = Desk::new("");
    desk.edit("1", &[("archetype: curated-content\n", "archetype: [curated\n")]);
    let broken = desk.text("1");
    let told = desk.refresh(&["refresh"]).err;
    assert!(told.contains(".md:") && told.contains("left as it is"), "{told}");
    assert_eq!(desk.text("1"), broken);
    desk.source(&[("1", "Alpha one, corrected", "About alpha."), ("2", "Alpha two", "Of two."), ("3", "Beta three", "Of three.")]);
    let told = desk.refresh(&["refresh"]).err;
    assert!(told.contains("left as it is"), "{told}");
    assert_eq!((desk.text("1"), desk.titles("v-alpha")[1].as_str()), (broken.clone(), "Alpha one, corrected"));
    std::fs::write(desk.file("1"), broken.replace("archetype: [curated\n", "archetype: curated-content\nowner: Ada\n")).unwrap();
    desk.refresh(&["publish"]);
    assert!(desk.text("1").contains("owner: Ada") && desk.text("1").contains("title: Alpha one, corrected"), "{}", desk.text("1"));
    desk.settles();
}

#[test]
fn a_touched_file_and_other_line_ends_change_nothing() {
    let mut desk = Desk::new("");
    let text = desk.text("1");
    std::fs::write(desk.file("1"), &text).unwrap();
    std::fs::write(desk.file("2"), desk.text("2").replace('\n', "\r\n")).unwrap();
    assert_eq!(desk.refresh(&["refresh"]).err, "");
    assert!(desk.text("2").contains("\r\n"));
    desk.settles();
    assert_eq!(desk.text("1"), text);
}

#[test]
fn what_is_taken_down_goes_with_all_that_its_editor_wrote() {
    let own = "OWN-WORDS";
    let edit = |desk: &Desk, id: &str| desk.edit(id, &[("\ntitle:", &format!("\nreviewed: {own}\ntitle:"))]);
    let mut desk = Desk::new("");
    let files = ["1", "2", "3"].map(|id| desk.file(id));
    // One that is shown, one that is hidden, and its editor's draft.
    edit(&desk, "1");
    edit(&desk, "2");
    edit(&desk, "3");
    desk.edit("3", &[("\ntitle:", "\ndraft: true\ntitle:")]);
    desk.refresh(&["refresh"]);
    desk.refresh(&["hide", "https://news.example/2"]);
    desk.refresh(&["refresh"]);
    assert_eq!(files.each_ref().map(|file| file.exists()), [true, false, true]);
    for id in ["1", "2", "3"] {
        desk.refresh(&["takedown", &format!("https://news.example/{id}")]);
    }
    assert_eq!(files.each_ref().map(|file| file.exists()), [false; 3]);
    // Shown again, they are as their source has them.
    desk.refresh(&["hide", "https://news.example/2", "--undo"]);
    desk.refresh(&["hide", "https://news.example/3", "--undo"]);
    for id in ["1", "2", "3"] {
        desk.refresh(&["takedown", &format!("https://news.example/{id}"), "--undo"]);
    }
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains(own) && !text.contains("draft: true"), "{text}");
    }
    desk.settles();
}

//! Commands on a database that exporters serve from, and between a directory and a database.

use std::process::{Command, Output};

use super::{ALL_IS_DUE_AFTER, Replicas};
use crate::config::{exporter, write};
use crate::program::fed;
use crate::world::World;

/// What a command has said, and its exit code.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) says: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let says = [output.stdout, output.stderr].concat();
        Self { code: output.status.code(), says: String::from_utf8(says).unwrap() }
    }
}

impl Replicas {
    /// Runs the program beside the exporters, in the folder of the key file, and expects that it works.
    pub(super) async fn command(&self, arguments: &[&str]) -> Said {
        let said = self.at_database(arguments).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        said
    }

    /// The same however it ends.
    async fn at_database(&self, arguments: &[&str]) -> Said {
        let database = self.each[0].database.as_ref().unwrap();
        self.run(&[arguments, &["--storage.url", &database.url, "--storage.key-file", "key"]].concat()).await
    }

    /// The same wherever its storage is.
    pub(super) async fn run(&self, arguments: &[&str]) -> Said {
        self.configure();
        let mut command = exporter(self.folder.path());
        command.args(arguments);
        output(command).await
    }

    /// Writes the configuration of the first exporter to the folder of the key file.
    pub(super) fn configure(&self) {
        let config = &self.each[0].config;
        let text = format!(
            "withings:\n  client_id: {}\n  client_secret: secret-of-the-app\n  profiles: {:?}\n  base_url: {}\n  \
             webhooks: {}\n  api_url: {url}\n  account_url: {url}\n",
            config.client_id,
            config.profiles,
            config.base_url,
            config.webhooks,
            url = config.api_url
        );
        write(&self.folder.path().join("withings.yaml"), &text);
    }
}

/// The command may ask the cloud, which is on this thread.
async fn output(mut command: Command) -> Said {
    tokio::task::spawn_blocking(move || fed(&mut command, b"")).await.unwrap().into()
}

/// The page but for what the exporter counts of itself, and but for `withings_up`, which every start forgets.
async fn page(world: &World) -> String {
    let page = world.metrics().await;
    let is_own = |line: &&str| {
        line.split(' ').any(|word| word.starts_with("withings_exporter_") || word.starts_with("withings_up"))
    };
    page.lines().filter(|line| !is_own(line)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_household_moves_into_a_database_and_back_with_the_same_series() {
    let mut replicas = Replicas::asleep(1, &["Alice", "Zoë"]).await;
    let database = replicas.each[0].database.take();
    replicas.weigh("Alice", 72);
    replicas.wake().await;
    replicas.connect(&["Alice", "Zoë"]).await;
    replicas.until_weight("Alice", 72).await;
    let before = page(&replicas.each[0]).await;
    assert!(before.contains("withings_weight_kg{profile=\"Alice\"} 72"), "{before}");
    let directory = replicas.each[0].disk.path().to_str().unwrap().to_owned();
    replicas.each[0].database = database;
    let import = ["storage", "import", "--from", &directory];
    let refused = replicas.at_database(&import).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.says.contains("a withings-exporter serves from this directory"), "{refused:?}");
    replicas.each[0].stop_exporter().await;
    let moved = replicas.command(&import).await;
    assert!(moved.says.contains("The logins and readings of 2 profiles moved from"), "{moved:?}");
    replicas.each[0].start_exporter().await;
    assert_eq!(page(&replicas.each[0]).await, before);

    let served = replicas.run(&["--storage.path", &directory]).await;
    assert_eq!(served.code, Some(2), "{served:?}");
    assert!(served.says.contains("has moved to") && served.says.contains("--storage.url"), "{served:?}");

    replicas.each[0].stop_exporter().await;
    let moved = replicas.command(&["storage", "export", "--to", &directory]).await;
    assert!(moved.says.contains("The logins and readings of 2 profiles moved from"), "{moved:?}");
    let served = replicas.at_database(&[]).await;
    assert_eq!(served.code, Some(2), "{served:?}");
    assert!(served.says.contains("was exported to") && served.says.contains("storage import"), "{served:?}");
    replicas.each[0].database = None;
    replicas.each[0].start_exporter().await;
    assert_eq!(page(&replicas.each[0]).await, before);
    // The logins are alive.
    replicas.weigh("Alice", 73);
    replicas.jump(std::time::Duration::from_hours(13));
    replicas.until_weight("Alice", 73).await;
    assert!(matches!(replicas.rotations("Alice"), (1.., 0)));
}

#[tokio::test]
async fn a_program_that_does_not_belong_to_the_database_is_refused() {
    let replicas = Replicas::asleep(1, &["Alice"]).await;
    std::fs::rename(replicas.folder.path().join("key"), replicas.folder.path().join("own")).unwrap();
    let made = replicas.run(&["storage", "new-key", "--storage.key-file", "key"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    for command in [&[][..], &["forget", "Alice"], &["storage", "accept-restore"]] {
        let refused = replicas.at_database(command).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.says.contains("use the key file and the database that belong together"), "{refused:?}");
    }
    std::fs::rename(replicas.folder.path().join("own"), replicas.folder.path().join("key")).unwrap();
    replicas.psql("drop schema public cascade; create schema public");
    let refused = replicas.at_database(&[]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.says.contains("storage migrate"), "{refused:?}");
}

#[tokio::test]
async fn no_secret_is_in_a_dump_or_a_page() {
    let replicas = Replicas::subscribed(&["Alice"]).await;
    replicas.jump(ALL_IS_DUE_AFTER);
    replicas.weigh("Alice", 72);
    replicas.until_weight("Alice", 72).await;
    let mut said = replicas.home.server().dump(replicas.home.name());
    for world in &replicas.each {
        said += &world.get("/").await.body;
        said += &world.metrics().await;
    }
    let mut secrets = replicas.cloud.secrets();
    assert!(secrets.len() >= 4, "two pairs");
    secrets.push(crate::webhooks::path(&replicas.each[0]).rsplit('/').next().unwrap().to_owned());
    for secret in secrets {
        // Bytes are dumped as hexadecimal digits.
        let digits = secret.bytes().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        assert!(!said.contains(&secret) && !said.contains(&digits), "{secret}");
    }
}

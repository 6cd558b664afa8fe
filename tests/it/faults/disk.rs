//! A disk that is full, and one that is read-only: said, counted, and no reason to stop, nor not to start.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::served::{Served, alice, is_possible, weigh};
use crate::program::until;
use crate::world::World;

const UP: &str = "withings_exporter_storage_up";

/// What the one line says when it begins.
const SAID: &str = "the readings could not be stored; they are shown, and storing them is tried again";

/// The program on a disk of half a megabyte.
fn on_a_small_disk(world: &World) -> Served {
    let disk = world.disk.path().display();
    // The readings are a mount of their own: one with files that are open for writing does not become read-only.
    let mounts = format!(
        "mount -t tmpfs tmpfs /mnt && cp -a '{disk}/.' /mnt && mount -t tmpfs -o size=512k,mode=700 tmpfs '{disk}' && \
         cp -a /mnt/. '{disk}' && mount --bind '{disk}/readings' '{disk}/readings'"
    );
    Served::apart(world, world.config.api_url.as_str(), &mounts, &[])
}

/// Breaks the disk, expects that the next weight is shown and the failure said, mends it, and waits until the weight is
/// stored.
async fn check(world: &World, program: &Served, kilograms: i32, break_it: impl FnOnce(), mend_it: impl FnOnce()) {
    let said = program.said().matches(SAID).count();
    break_it();
    weigh(world, kilograms.into());
    program.until_sample(UP, |value| value == 0.0).await;
    until("the weight that cannot be stored", async || {
        program.weight().await.filter(|shown| (shown - f64::from(kilograms)).abs() < 0.01).map(drop)
    })
    .await;
    assert_eq!(program.weight().await, Some(f64::from(kilograms)), "what cannot be stored is shown");
    let said_now = program.said().matches(SAID).count();
    assert!((said + 1..=said + 2).contains(&said_now), "once when it begins, and then ever more rarely: {said_now}");
    mend_it();
    let readings = program.within(&world.disk.path().join("readings"));
    until("the weight on the disk", async || holds(&readings, &format!("{kilograms}.0")).then_some(())).await;
}

/// Whether a whole file in this folder has these words.
fn holds(folder: &Path, words: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.any(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(words)))
}

#[tokio::test]
async fn a_full_disk_and_a_read_only_one_are_lived_with() {
    if !is_possible() {
        return;
    }
    let world = alice().await;
    let program = on_a_small_disk(&world);
    program.until_sample(UP, |value| value > 0.0).await;
    let filler = program.within(&world.disk.path().join("filler"));
    let fill = || {
        let mut file = OpenOptions::new().append(true).create(true).open(&filler).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    };
    check(&world, &program, 71, fill, || fs::remove_file(&filler).unwrap()).await;
    let readings = world.disk.path().join("readings");
    let remount = |how: &str| program.run(&["mount", "-o", &format!("remount,bind,{how}"), readings.to_str().unwrap()]);
    check(&world, &program, 70, || remount("ro"), || remount("rw")).await;
}

/// Starts where nothing can be written, expects what is stored and what is new, and waits until the latter is stored
/// when the disk is mended.
async fn check_start(break_it: &str, mend_it: &[&str]) {
    if !is_possible() {
        return;
    }
    let world = alice().await;
    let disk = world.disk.path().to_str().unwrap();
    let program = Served::apart(&world, world.config.api_url.as_str(), &break_it.replace("DISK", disk), &[]);
    assert_eq!(program.weight().await, Some(72.0), "what is stored is shown at once");
    assert_eq!(program.said().matches("the storage directory cannot be written").count(), 1);
    weigh(&world, 71);
    program.until_sample(UP, |value| value == 0.0).await;
    program.until_sample("withings_weight_kg{profile=\"Alice\"}", |kilograms| kilograms < 72.0).await;
    let mend_it: Vec<_> = mend_it.iter().map(|line| line.replace("DISK", disk)).collect();
    program.run(&mend_it.iter().map(String::as_str).collect::<Vec<_>>());
    let readings = program.within(&world.disk.path().join("readings"));
    until("the weight on the disk", async || holds(&readings, "71.0").then_some(())).await;
    program.check_is_alone();
}

#[tokio::test]
async fn a_start_on_a_read_only_disk_shows_what_is_stored() {
    let read_only = "rm 'DISK/serve.lock' && mount --bind 'DISK' 'DISK' && mount -o remount,bind,ro 'DISK'";
    check_start(read_only, &["mount", "-o", "remount,bind,rw", "DISK"]).await;
}

#[tokio::test]
async fn a_start_on_a_full_disk_shows_what_is_stored() {
    let full = "mount -t tmpfs tmpfs /mnt && cp -a 'DISK/.' /mnt && \
                mount -t tmpfs -o size=64k,mode=700 tmpfs 'DISK' && cp -a /mnt/. 'DISK' && \
                (dd if=/dev/zero of='DISK/filler' bs=512 2>/dev/null || true)";
    check_start(full, &["rm", "DISK/filler"]).await;
}

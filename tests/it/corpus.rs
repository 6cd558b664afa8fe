//! The inputs that fuzzing found worth keeping, replayed: what must hold is said in `tests/fuzz`.

use std::fs;

use crate::sources::root;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are a package of their own and need it")]
mod fuzz;

#[test]
fn every_input_of_the_corpus_is_withstood() {
    for (target, withstand) in fuzz::TARGETS {
        let inputs = fs::read_dir(root().join("tests/fuzz/corpus").join(target)).unwrap();
        let mut inputs: Vec<_> = inputs.map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{target}");
        for input in inputs {
            // Shown where it is not withstood.
            println!("{}", input.display());
            withstand(&fs::read(input).unwrap());
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_replayed() {
    let folders = fs::read_dir(root().join("tests/fuzz/corpus")).unwrap();
    let mut folders: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, fuzz::TARGETS.map(|(name, _)| name));
}

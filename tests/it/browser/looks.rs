//! How the pages look: readable at every width, in light and dark, and by a screen reader.

use std::fs;
use std::path::Path;

use withings_exporter::sim::{Failure, Fault};

use super::chromium::{Browser, Setup};
use super::{connect, household, restart};

/// The widths of a phone and a desktop screen, each light and dark, and that of the latter at 200 %.
const SETUPS: [Setup; 5] = [
    Setup { width: 640, dark: false, scripts: true },
    Setup { width: 390, dark: false, scripts: true },
    Setup { width: 390, dark: true, scripts: true },
    Setup { width: 1280, dark: false, scripts: true },
    Setup { width: 1280, dark: true, scripts: true },
];

/// Every complaint about the page, as WCAG 2.2 AA has it: contrast, names, landmarks, and nothing that must be scrolled
/// sideways.
const COMPLAINTS: &str = r"
const complaints = [];
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) complaints.push(`wider than the window: ${root.scrollWidth}`);
if (!root.lang) complaints.push('no language');
for (const once of ['main', 'h1', 'header', 'title']) {
  const number = document.querySelectorAll(once).length;
  if (number !== 1) complaints.push(`${number} times <${once}>`);
}
for (const outside of document.querySelectorAll('p form, p p, p div')) complaints.push(`not in a paragraph: ${outside.outerHTML}`);
for (const time of document.querySelectorAll('time')) {
  const [shown, cell] = [time, time.closest('dd')].map(element => element.getBoundingClientRect());
  if (time.getClientRects().length !== 1 || shown.right > cell.right + 1) complaints.push(`wraps away: ${time.outerHTML}`);
}
for (const empty of document.querySelectorAll('p:empty')) complaints.push('an empty paragraph');
for (const control of document.querySelectorAll('a, button, summary, input:not([type=hidden])')) {
  if (!control.checkVisibility()) continue;
  const name = control.getAttribute('aria-label') || control.innerText || (control.labels && control.labels[0] && control.labels[0].innerText);
  if (!name) complaints.push(`no name: ${control.outerHTML}`);
  if (control.innerText && control.hasAttribute('aria-label') && !control.getAttribute('aria-label').includes(control.innerText.split(' (')[0].split(' from ')[0]))
    complaints.push(`named otherwise than it reads: ${control.outerHTML}`);
}
const channels = color => color.match(/[\d.]+/g).map(Number);
const luminance = color => {
  const [r, g, b] = channels(color).map(channel => channel / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};
const behind = element => {
  for (let layer = element; layer; layer = layer.parentElement) {
    const color = getComputedStyle(layer).backgroundColor;
    if (channels(color)[3] !== 0) return color;
  }
  return 'rgb(255, 255, 255)';
};
const owns = element => [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
let texts = 0;
for (const element of document.querySelectorAll('body *')) {
  if (!owns(element) || !element.checkVisibility()) continue;
  texts += 1;
  const ratio = contrast(getComputedStyle(element).color, behind(element));
  if (ratio < 4.5) complaints.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML}`);
}
if (texts < 4) complaints.push(`only ${texts} texts were looked at`);
for (const input of document.querySelectorAll('input:not([type=hidden])')) {
  const ratio = contrast(getComputedStyle(input).borderTopColor, behind(input.parentElement));
  if (input.checkVisibility() && ratio < 3) complaints.push(`border ${ratio.toFixed(2)}: ${input.outerHTML}`);
}
return complaints;
";

/// Expects a page without complaints, and keeps a picture of it to look at.
async fn check_look(browser: &Browser, setup: Setup, page: &str) {
    let complaints = browser.run(COMPLAINTS).await;
    let scheme = if setup.dark { "dark" } else { "light" };
    let name = format!("{page}-{}-{scheme}", setup.width);
    keep(&name, &browser.screenshot().await);
    assert_eq!(complaints, serde_json::json!([]), "{name}");
    let dark = browser.run("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!((dark, browser.run("return innerWidth").await), (setup.dark.into(), setup.width.into()));
}

#[expect(clippy::disallowed_methods, reason = "a picture needs no atomic replacement")]
fn keep(name: &str, picture: &[u8]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

async fn check_every_page(setup: Setup) {
    let (world, home) = household(&["Mum", "Dad", "Grandmother Elisabeth"]).await;
    let browser = Browser::open(setup).await;
    browser.goto(&home).await;
    browser.press("The browser cannot open the page after the login?").await;
    browser.press("Withings shows an error instead of its login page?").await;
    browser.sees(&[&format!("{home}callback")]).await;
    check_look(&browser, setup, "nobody").await;

    browser.goto(&home.replace("localhost", "127.0.0.1")).await;
    browser.sees(&["You are at 127.0.0.1:", "Paste the address"]).await;
    check_look(&browser, setup, "elsewhere").await;
    browser.goto(&format!("{home}no/such/page")).await;
    check_look(&browser, setup, "nothing").await;
    browser.press("Back to the overview").await;
    browser.sees(&["Profiles"]).await;

    connect(&browser, &home, "Connect Mum", "Alice").await;
    check_look(&browser, setup, "connected").await;
    connect(&browser, &home, "Connect Dad", "Alice").await;
    check_look(&browser, setup, "taken").await;
    connect(&browser, &home, "Reconnect Mum", "Zoë").await;
    check_look(&browser, setup, "another-person").await;
    connect(&browser, &home, "Connect Dad", "Bob").await;
    world.until_measured("Mum", "weight_kg").await;
    world.until_measured("Dad", "weight_kg").await;
    world.cloud.fault(Fault::new(Failure::InvalidParams).on("requesttoken"));
    connect(&browser, &home, "Connect Grandmother Elisabeth", "Zoë").await;
    check_look(&browser, setup, "refused").await;

    world.cloud.account("Alice").unwrap().revoke();
    restart(&home, world, &["Mum", "Grandfather", "Grandmother Elisabeth"], async |world| {
        world.until("Mum", |snapshot| snapshot.login.is_some() && !snapshot.authorized()).await;
        connect(&browser, &home, "Connect Grandmother Elisabeth", "Zoë").await;
        world.until_measured("Grandmother Elisabeth", "weight_kg").await;
        browser.goto(&home).await;
        browser
            .sees(&[
                "Login refused",
                "Logins of profiles that are no longer configured",
                "Connected since",
                "What now?",
            ])
            .await;
        check_look(&browser, setup, "every-state").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn every_page_is_readable_at_every_width_in_light_and_dark() {
    for setup in SETUPS {
        check_every_page(setup).await;
    }
}

"""The page that `/` gives to browsers, in Debian's Chromium: files dropped, answers shown, neurons shuffled, pictures
fitted, files saved, errors, keys, keyboard, narrow screens. WEIGHTSPACE_SCREENSHOTS=FOLDER keeps pictures of the main
states."""

import hashlib
import json
import os
import pathlib
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from rig.paths import FIXTURES, ROOT
from rig.server import Server, request, wait_until

NETWORK = FIXTURES / "net0.safetensors"
CNNS = ROOT / "Tests/ModelStoreTests/Fixtures/cnns.safetensors"


class Page:
    """The page in a browser."""

    def __init__(self, browser: webdriver.Chrome, folder: pathlib.Path):
        self.browser = browser
        self.folder = folder

    def open(self, url: str) -> None:
        self.resize(1280, 900)
        self.browser.get(url)
        self.browser.get_log("browser")
        self.wait(lambda: self.run("return document.body.dataset.ready") or self.shown("#access"))

    def run(self, script: str, *arguments: object) -> object:
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition, complaint: str = "") -> None:
        wait_until(condition, 30, complaint)

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def shown(self, selector: str) -> bool:
        return any(element.is_displayed() for element in self.all(selector))

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def settle(self) -> None:
        """Waits for all answers of the selected network."""
        self.wait(lambda: not self.all("[aria-busy]"), "an answer is missing")

    def choose(self, *files: pathlib.Path) -> None:
        """Opens files, and waits until they are read."""
        self.one("#files").send_keys("\n".join(map(str, files)))
        self.wait(lambda: self.run("return document.getElementById('files').value === ''"), "the files are not read")
        self.settle()

    def drop(self, name: str, content: bytes) -> None:
        """Drops a file on the page, as a person does."""
        self.run(
            """const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(arguments[1])], arguments[0]));
            const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent("drop", options));""",
            name, list(content),
        )

    def button(self, text: str) -> WebElement:
        return next(element for element in self.all("button") if element.text.startswith(text))

    def panels(self) -> list[str]:
        return [element.get_attribute("id") for element in self.all("#detail section")]

    def saved(self, name: str) -> pathlib.Path:
        path = self.folder / name
        self.wait(path.exists, f"{name} is not saved")
        return path

    def drift(self) -> dict[str, float]:
        """What the page prints after a change of the weights."""
        self.wait(lambda: self.all("#drift [data-drift]") or self.text("#weights > .error"), "no drift is shown")
        assert not self.text("#weights > .error")
        rows = self.all("#drift tbody tr")
        return {
            row.find_element(By.TAG_NAME, "th").text:
                float(row.find_element(By.TAG_NAME, "td").get_attribute("data-drift"))
            for row in rows
        }

    def matrices(self) -> list[str]:
        """The pictures of the matrices."""
        script = "return [...document.querySelectorAll('#weights canvas')].map((canvas) => canvas.toDataURL())"
        return self.run(script)

    def pixels(self, image: str) -> np.ndarray:
        """The red values of a square picture that the page shows."""
        read = """const image = document.querySelector(arguments[0]), done = arguments[1];
            image.decode().then(() => {
              const canvas = document.createElement('canvas');
              [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
              const context = canvas.getContext('2d');
              context.drawImage(image, 0, 0);
              const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
              done([canvas.width, ...data.filter((_, index) => index % 4 === 0)]);
            });"""
        side, *values = self.browser.execute_async_script(read, image)
        return np.array(values, dtype=float).reshape(side, side)

    def slide(self, control: str, value: float) -> None:
        """Moves a slider."""
        self.run(
            "const slider = document.querySelector(arguments[0]); slider.value = arguments[1];"
            "slider.dispatchEvent(new Event('input'))", control, value)

    def source(self, image: str) -> str:
        return self.run("return document.querySelector(arguments[0]).src", image)

    def lines(self, panel: str) -> list[str]:
        """The lines of curl and of Python that a panel offers."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", f"{panel} pre")

    def screenshot(self, name: str) -> None:
        if folder := os.environ.get("WEIGHTSPACE_SCREENSHOTS"):
            width = self.run("return innerWidth")
            self.resize(width, self.run("return document.documentElement.scrollHeight"))
            self.settle()
            self.browser.save_screenshot(f"{folder}/{name}.png")
            self.resize(width, 900)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("saved")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield Page(driver, folder)
    finally:
        driver.quit()


@pytest.fixture
def page(browser: Page, server: Server) -> Iterator[Page]:
    """The page, just opened. At the end nothing may have broken its policy or stopped its script."""
    browser.open(server.url)
    yield browser
    lines = [entry["message"] for entry in browser.browser.get_log("browser")]
    bad = [line for line in lines if "Failed to load resource" not in line]
    assert not bad, bad


@pytest.fixture(scope="module", autouse=True)
def chromium(need) -> None:
    need(chromium="chromium", chromedriver="chromium-driver")


def test_dropped_files_are_answered(page: Page) -> None:
    page.drop("net0.pth", (FIXTURES / "net0.pth").read_bytes())
    page.wait(lambda: page.text("#label") == "Ankle boot", "the class is not shown")
    page.settle()
    page.choose(FIXTURES / "net1.safetensors", FIXTURES / "net0.npz", FIXTURES / "net0.json")
    assert len(page.all("#networks li")) == 4
    page.one("#networks [title='net1.safetensors']").click()
    page.settle()
    assert page.panels() == [
        "drawn", "class", "reconstruction", "latents", "edit", "blend", "weights", "notation"]
    assert page.text("#label") == "Pullover" and len(page.all("#class .bar")) == 5
    assert page.text("#agreement") == "Both name the same class."
    assert "Mean squared error" in page.text("#reconstruction")
    assert page.text("#latents p").startswith("16 \N{MULTIPLICATION SIGN} 128 numbers")
    assert page.run("return document.querySelector('#drawn img').naturalWidth") >= 300, "drawn for the screen"
    assert len(page.all("#weights canvas")) == 6
    assert not [element.text for element in page.all("#detail .error") if element.text]
    page.screenshot("page")


def test_weights_of_every_format_are_shown(page: Page, tmp_path: pathlib.Path) -> None:
    named = tmp_path / "named.json"
    arrays = np.load(NETWORK.with_suffix(".npz"))
    named.write_text(json.dumps({"inputs": [{name: array.tolist() for name, array in arrays.items()}]}))
    endings = ["pth", "npz", "json", "strided.pth", "parameter.pth", "float64.pth", "nested.pth"]
    shown = []
    for file in [NETWORK, named, *(NETWORK.with_suffix(f".{ending}") for ending in endings)]:
        page.choose(file)
        page.wait(lambda file=file: page.text("#networks [aria-pressed=true] .name") == file.name)
        shown.append((file.name, page.matrices()))
    assert len(shown[0][1]) == 6
    assert [name for name, matrices in shown if matrices != shown[0][1]] == []


def test_the_lines_to_copy_do_what_the_panel_shows(page: Page, tmp_path: pathlib.Path, monkeypatch) -> None:
    page.choose(FIXTURES / "net0.npz")
    curl, python = page.lines("#class")
    assert curl.startswith("curl --data-binary @'net0.npz' 'http://") and curl.endswith("/v1/classify?top_k=5'")
    monkeypatch.chdir(FIXTURES)
    printed: list[dict] = []
    exec(python, {"print": printed.append})
    assert printed[0]["predictions"][0]["label"] == "Ankle boot"


def test_shuffled_neurons_change_the_matrices_and_not_the_answer(page: Page, server: Server) -> None:
    page.choose(NETWORK)
    before = page.matrices()
    page.one("#shuffle").click()
    drift = page.drift()
    shuffled = page.matrices()
    # The bias of the output layer is one number, and stays.
    assert [a != b for a, b in zip(before, shuffled, strict=True)] == [True] * 5 + [False]
    assert set(drift) == {"scores of the classes", "latent array", "values of the picture"}
    assert max(drift.values()) < 1e-4, drift
    assert page.text("#drift p") == "Neurons shuffled. The answer is still Ankle boot."
    page.screenshot("page-shuffled")
    page.one("#flip").click()
    page.wait(lambda: "Signs flipped. The answer is still" in page.text("#drift p"), "the signs are not flipped")
    assert max(page.drift().values()) < 1e-4 and page.matrices() != shuffled
    page.one("#download-safetensors").click()
    file = page.saved("net0-changed.safetensors").read_bytes()
    status, answer = request(server.port, "POST", "/v1/classify", file)
    assert status == 200 and json.loads(answer)["predictions"][0]["label"] == "Ankle boot"
    page.one("#reset").click()
    page.wait(lambda: page.text("#drift p").startswith("As it was. The answer"), "the weights are not as they were")
    assert page.matrices() == before and set(page.drift().values()) == {0}


def test_zoomed_pictures_are_drawn_anew(page: Page, server: Server) -> None:
    page.choose(NETWORK)
    image = page.run("return document.querySelector('#drawn img').src")
    zoom = page.one("#zoom")
    for _ in range(8):
        zoom.send_keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.text("#drawn output").startswith("4 times"), "the picture is not zoomed")
    page.wait(lambda: page.run("return document.querySelector('#drawn img').src") != image)
    page.settle()
    # The part in the middle is that of the whole at the same pixels.
    zoomed = page.pixels("#drawn img")
    side = len(zoomed)
    status, answer = request(server.port, "POST", "/v1/render?height=509&width=509", NETWORK.read_bytes())
    assert status == 200
    whole = np.array(json.loads(answer)["pictures"][0]["data"]).reshape(509, 509)
    # Row r of the part lies at 3/8 + r / (side - 1) / 4 of the whole; rows of the whole are 1/508 apart.
    at = np.round((3 / 8 + np.arange(side) / (side - 1) / 4) * 508).astype(int)
    expected = np.clip((whole[np.ix_(at, at)] + 1) * 127.5, 0, 255)
    assert np.mean(np.abs(zoomed - expected)) < 2


def test_networks_are_edited(page: Page, server: Server) -> None:
    page.choose(NETWORK)
    models = json.loads(request(server.port, path="/v1/models")[1])["models"]
    learned = {name for model in models for name in model.get("edits", [])}
    offered = {button.get_attribute("data-edit") for button in page.all("[data-edit]")}
    assert offered == {"mirror:x", "mirror:y", "invert"} | learned, "learned edits are those of the models"
    assert page.text("#edit-steps") == "No edits yet." and not page.one("#edit-open").is_enabled()
    assert page.source("#edit-after"), "without edits it is the same picture"
    first = page.source("#edit-after")
    page.slide("#edit-rotate", 90)
    page.wait(lambda: page.source("#edit-after") != first and not page.all("[aria-busy]"), "nothing is rotated")
    rotated = page.source("#edit-after")
    page.one("[data-edit=invert]").click()
    page.wait(lambda: page.source("#edit-after") != rotated and not page.all("[aria-busy]"), "nothing is inverted")
    assert page.text("#edit-steps") == "edits=rotate:90,invert"
    assert page.one("[data-edit=invert]").get_attribute("aria-pressed") == "true"
    before, after = page.pixels("#edit-before"), page.pixels("#edit-after")
    assert np.mean(np.abs(after - (255 - np.rot90(before)))) < 2
    curl, python = page.lines("#edit")
    assert curl.endswith("/v1/edit?edits=rotate:90,invert&output=safetensors' >'net0-edited.safetensors'")
    assert 'open("net0-edited.safetensors", "wb").write(' in python
    page.screenshot("page-edited")
    for output in ("safetensors", "npz", "pt"):
        page.one(f"#edit-{output}").click()
        side = len(after)
        path = f"/v1/render?height={side}&width={side}&output=png"
        file = page.saved(f"net0-edited.{output}").read_bytes()
        status, answer = request(server.port, "POST", path, file)
        assert status == 200 and answer.startswith(b"\x89PNG")
    page.settle()
    page.one("#edit-open").click()
    page.wait(lambda: page.text("#networks [aria-pressed=true] .name") == "net0-edited.safetensors")
    page.settle()
    assert "Edited: rotate:90,invert." in page.text("#drawn")
    assert np.mean(np.abs(page.pixels("#edit-before") - after)) < 2
    page.one("#networks [title='net0.safetensors']").click()
    page.settle()
    assert page.text("#edit-steps") == "edits=rotate:90,invert", "edits are kept"
    page.one("#edit-reset").click()
    page.wait(lambda: page.text("#edit-steps") == "No edits yet.")


def test_networks_of_a_file_that_only_the_server_reads_are_not_edited_alone(page: Page, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "rows.npy"
    arrays = [np.load(FIXTURES / "net0.npz")[name].ravel() for name in np.load(FIXTURES / "net0.npz").files]
    np.save(file, np.stack([np.concatenate(arrays)] * 2))
    page.choose(file)
    assert len(page.all("#networks li")) == 2
    for network in (0, 1):
        page.all("#networks button")[network].click()
        page.settle()
        assert "edit" not in page.panels()


def test_sliders_leave_nothing_behind(page: Page) -> None:
    page.choose(NETWORK)
    page.run("""window.added = 0;
        AbortSignal.prototype.addEventListener = function (...given) {
          window.added += 1;
          return EventTarget.prototype.addEventListener.apply(this, given);
        };""")
    for degrees in (10, 20, 30):
        page.slide("#edit-rotate", degrees)
        page.wait(lambda degrees=degrees: page.text("#edit-steps") == f"edits=rotate:{degrees}", "nothing is drawn")
        page.settle()
    assert page.run("return window.added") == 0


def test_a_late_failure_does_not_clear_a_newer_request(page: Page) -> None:
    kept = page.browser.execute_async_script("""const done = arguments[0];
        const fail = [];
        const network = { tensors: null, ask: () => new Promise((_, reject) => fail.push(reject)) };
        const first = encodedOf(network);
        network.encoded = undefined;
        const second = encodedOf(network);
        fail[0](new Error("late"));
        first.catch(() => {}).then(() => done(encodedOf(network) === second && fail.length === 2));""")
    assert kept


def test_two_networks_are_blended(page: Page, server: Server) -> None:
    page.choose(NETWORK)
    assert not page.shown("#blend"), "there is no other network"
    page.choose(FIXTURES / "net1.safetensors")
    page.wait(lambda: page.run("return document.getElementById('blended').naturalWidth") == 28, "no blend is drawn")
    page.settle()
    half = page.source("#blended")
    page.slide("#blend-share", 0.25)
    page.wait(lambda: page.source("#blended") != half and not page.all("[aria-busy]"), "the slider draws nothing")
    assert page.text("#blend output") == "25.0\N{NO-BREAK SPACE}%"
    page.screenshot("page-blended")
    blended = page.pixels("#blended")
    page.one("#blend-latents").click()
    latents = page.saved("latents.json").read_bytes()
    status, answer = request(server.port, "POST", "/v1/decode?blend=0.25", latents)
    assert status == 200
    expected = np.array(json.loads(answer)["pictures"][0]["data"])[..., 0]
    assert np.mean(np.abs(blended - np.clip((expected + 1) * 127.5, 0, 255))) < 2
    ends = np.array(json.loads(latents)["latents"])
    encoded = request(server.port, "POST", "/v1/encode", (FIXTURES / "net1.safetensors").read_bytes())[1]
    assert np.allclose(ends[0], json.loads(encoded)["latents"][0]["data"], atol=1e-6), "the first is the selected one"
    assert "/v1/decode?model=fashion-mnist&blend=0.25" in page.lines("#blend")[0]
    shown = page.source("#blended")
    page.one("#blend-share").send_keys(Keys.HOME)
    page.wait(lambda: page.source("#blended") != shown and not page.all("[aria-busy]"), "keys do not move the slider")
    assert page.text("#blend output") == "0.0\N{NO-BREAK SPACE}%"


def test_pictures_are_fitted_and_saved(page: Page) -> None:
    page.button("Trousers").click()
    page.wait(lambda: page.text("#label") == "Trouser", "the network is not read")
    page.settle()
    assert page.text("#fit-status").startswith("Fitted: ") and not page.shown("#fit-progress")
    page.one("#download-safetensors").click()
    page.one("#download-npz").click()
    arrays = np.load(page.saved("trousers.npz"))
    file = page.saved("trousers.safetensors").read_bytes()
    length = struct.unpack("<Q", file[:8])[0]
    header = json.loads(file[8:8 + length])
    assert header.pop("__metadata__") == {"convention": "nfn", "omega0": "30", "seed": "0"}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(file[8 + length + start:8 + length + end], "<f4").reshape(entry["shape"])
        assert np.array_equal(values, arrays[name]), name
    page.screenshot("page-fitted")


def test_drawings_are_fitted(page: Page) -> None:
    pad = page.one("#pad")
    actions = webdriver.ActionChains(page.browser).move_to_element(pad).click_and_hold()
    actions.move_by_offset(0, 60).move_by_offset(40, 0).release().perform()
    page.one("#fit").click()
    page.wait(lambda: page.text("#label"), "the network is not read")
    page.settle()
    assert page.text("#fit-status").startswith("Fitted: ") and page.text("#networks .name") == "drawing.safetensors"


def test_notation_is_overridden(page: Page) -> None:
    page.choose(NETWORK)
    assert page.text("#option-order option") == "found: rows"
    Select(page.one("#option-order")).select_by_value("columns")
    page.wait(lambda: page.run("return document.activeElement.id") == "option-order" and not page.all("[aria-busy]"))
    assert "order=columns" in page.lines("#class")[0]
    assert page.run("return document.getElementById('option-order').value") == "columns"


def test_accuracy_of_cnns_is_predicted(page: Page) -> None:
    page.choose(CNNS)
    assert page.one("#networks .quiet").text == "accuracy 86.2 %" and page.one("#accuracy").text == "86.2 %"
    assert page.panels() == ["prediction", "weights", "statistics"]
    assert len(page.all("#statistics tbody tr")) == 8
    page.one("#shuffle").click()
    assert page.drift()["predicted numbers"] < 1e-3
    page.screenshot("page-cnn")


def test_errors_are_the_services_own(page: Page) -> None:
    page.drop("old.pth", (FIXTURES / "net0.legacy.pth").read_bytes())
    page.wait(lambda: page.text("#error"), "no error is shown")
    assert page.text("#error").startswith("old.pth: Legacy PyTorch file: ")
    assert "415 legacy_torch_format" in page.text("#error")
    assert not page.all("#networks li")
    page.choose(NETWORK)
    assert not page.text("#error")
    omega = page.one("#option-omega0")
    omega.send_keys("-1", Keys.TAB)
    page.wait(lambda: "omega0" in page.text("#class > .error"), "the option's error is not shown")


def test_a_key_is_asked_for(browser: Page, start_server, tmp_path: pathlib.Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice sha256:{hashlib.sha256(b'secret').hexdigest()}\n")
    browser.open(start_server("--keys", str(keys), "--log-level", "warning").url)
    browser.one("#key").send_keys("wrong", Keys.ENTER)
    browser.wait(lambda: browser.text("#access-error"), "a wrong key is not named")
    assert "unauthorized" in browser.text("#access-error")
    browser.one("#key").clear()
    browser.one("#key").send_keys("secret", Keys.ENTER)
    browser.wait(lambda: browser.run("return document.body.dataset.ready"), "the key is not used")
    browser.choose(NETWORK)
    assert browser.text("#label") == "Ankle boot" and not browser.shown("#access")
    assert "X-Api-Key: $KEY" in browser.lines("#class")[0]


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.choose(NETWORK)
    reached = set()
    page.run("document.activeElement.blur()")
    for _ in range(80):
        webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
        reached.add(page.run("return document.activeElement.id || document.activeElement.innerText"))
    assert {
        "files", "T-shirt", "pad", "fit", "zoom", "edit-rotate", "Invert", "edit-reset", "shuffle", "flip",
        "download-npz", "option-order",
    } <= reached
    page.one("#shuffle").send_keys(Keys.ENTER)
    assert page.drift()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_narrow_screens_need_no_scrolling_to_the_side(page: Page, theme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": theme}]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    page.resize(360, 740)
    page.choose(NETWORK, CNNS)
    buttons = page.all("#networks button")
    for button in (buttons[-1], buttons[0]):
        button.click()
        page.settle()
        width = page.run("return document.documentElement.scrollWidth")
        assert width <= 360
    back, text = page.run("const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]")
    brightness = [sum(map(int, value[4:-1].split(","))) for value in (back, text)]
    assert (brightness[0] > brightness[1]) == (theme == "light")
    page.screenshot(f"page-narrow-{theme}")

"""The widget in a headless JupyterLab, with nothing from the network."""

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def laboratory(tmp_path):
    """Return the address of a notebook in a JupyterLab of its own."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is in the extra 'test'")
    import nbformat  # two seconds, which others need not wait for

    cell = nbformat.v4.new_code_cell("import chainrule\nchainrule.widget()")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
    nbformat.write(notebook, tmp_path / "page.ipynb")
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = {**os.environ, **dict.fromkeys(folders, str(tmp_path / "home"))}
    flags = (
        "--no-browser",
        "--port=0",
        "--allow-root",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--ServerApp.root_dir={tmp_path}",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *flags],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:
            if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token=(\w+)", line):
                yield f"{found[1]}/lab/tree/page.ipynb?token={found[2]}"
                break
        else:
            raise AssertionError("JupyterLab did not start")
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def test_the_widget_learns_in_a_notebook(browser, laboratory):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    own, foreign = laboratory.partition("/lab")[0], []

    def look(request):
        if not request.url.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
            foreign.append(request.url)

    page.on("request", look)
    page.goto(laboratory)
    page.locator(".jp-CodeCell .cm-content").first.click(timeout=120_000)
    page.wait_for_selector("text=Idle", state="attached", timeout=60_000)
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("#step-number", timeout=120_000)
    page.locator('[data-place="1:0:0"]').first.dispatch_event("click")
    page.wait_for_selector(".verdict.good", timeout=60_000)
    total = float(page.get_attribute("#chain-total", "data-value"))
    assert total == pytest.approx(-0.042788606104685496, rel=1e-12)
    page.locator("#step").click()
    page.wait_for_selector("#step-number[data-value='1']", timeout=60_000)
    assert foreign == []
    context.close()

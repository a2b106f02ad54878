// The page by a name in the network, where a browser trusts it less: node elsewhere.mjs URL CHROMIUM NAME
import { expect, run } from "../checks.mjs";
import { answered, composer, device, origin, rows, say } from "./browser.mjs";

const [, , , , name] = process.argv;

await run({
  "a network without HTTPS, and trusted documents alone": async () => {
    const one = await device();
    const page = await one.context.newPage();
    await page.goto(origin.replace("127.0.0.1", name));
    await rows(page).first().waitFor();
    expect(await page.evaluate(() => [isSecureContext, "randomUUID" in crypto, "clipboard" in navigator]), [false, false, false]);
    await say(page, "from the sofa");
    await answered(page, 3);
    await page.getByText("Ayla is writing.").waitFor({ state: "detached" });
    await rows(page).nth(1).getByRole("button", { name: "More about this message" }).click();
    await page.getByRole("menuitem", { name: "Copy" }).click();
    await composer(page).focus();
    await page.keyboard.press("Control+v");
    expect(await composer(page).inputValue(), "from the sofa");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("sofa");
    await page.locator(".results mark").first().waitFor();
    // The browser says that one header means nothing without HTTPS.
    expect(one.complaints.filter((one) => !one.includes("Cross-Origin-Opener-Policy")), []);
    await one.context.close();
  },
});

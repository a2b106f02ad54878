// Signing in to the page: node access.mjs URL CHROMIUM TOKEN
import { expect, run } from "../checks.mjs";
import { answered, composer, device, origin, rows, say } from "./browser.mjs";

const [, , , , token] = process.argv;

await run({
  "the link signs in, and leaves the address": async () => {
    const one = await device();
    const page = await one.open(`#token=${token}`);
    await rows(page).first().waitFor();
    expect(page.url().includes("token"), false);
    await say(page, "through the door");
    await answered(page);
    await page.reload();
    await rows(page).getByText("through the door", { exact: true }).waitFor();
    one.check();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("This server asks who you are.").waitFor();
    await one.context.close();
  },
  "without it the page asks, and keeps what is written when the session ends": async () => {
    const one = await device({ isRough: true });
    const page = await one.open();
    const signIn = async () => {
      await page.getByLabel("Token").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
      await rows(page).first().waitFor();
    };
    await signIn();
    await composer(page).fill("half a sentence");
    await one.context.clearCookies();
    await page.evaluate(() => fetch("/session", { method: "DELETE" }));
    await page.keyboard.press("Enter");
    await page.getByText("This server asks who you are.").waitFor();
    await signIn();
    expect(await composer(page).inputValue(), "half a sentence");
    expect(one.complaints, []);
    await one.context.close();
  },
});

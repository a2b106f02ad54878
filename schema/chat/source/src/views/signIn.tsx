// What is shown where the server asks who this is.
import { Empty } from "./parts";

export const SignIn = () => (
  <main>
    <Empty title="This server asks who you are.">
      <p>Open the address that it printed when it started, or ask whoever runs it.</p>
      <button type="button" onClick={() => location.reload()}>Try again</button>
    </Empty>
  </main>
);

// Signing in, where the server asks who this is.
import { isShutOut } from "../api/link";

export { isShutOut };

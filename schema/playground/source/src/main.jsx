import "graphiql/setup-workers/vite";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "graphiql/graphiql.css";
import "./playground.css";

import { createRoot } from "react-dom/client";
import { ToolbarButton } from "@graphiql/react";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";

import { exampleTabs } from "./examples.js";
import { FollowTheReply, rememberingCursors } from "./follow.jsx";
import { forgetTabs, isFirstVisit, storage } from "./storage.js";

// This page and the API have the same address; one speaks HTML, the other JSON.
const here = new URL(window.location.pathname, window.location.href);
const socket = new URL(here);
socket.protocol = here.protocol === "https:" ? "wss:" : "ws:";

// The server's own module, which its pages share.
const { fetchSignedIn, signedIn, signOut } = await import(/* @vite-ignore */ new URL("/sign-in/sign-in.js", here).href);
const session = await signedIn();

const fetcher = rememberingCursors(
  createGraphiQLFetcher({ url: here.href, fetch: fetchSignedIn, subscriptionUrl: socket.href, enableIncrementalDelivery: false }),
);
const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

function startOver() {
  if (!window.confirm("Close all tabs and open the examples again?")) return;
  forgetTabs();
  window.location.reload();
}

function StartOverButton() {
  return (
    <ToolbarButton label="Start over with the example tabs" onClick={startOver}>
      <svg className="graphiql-toolbar-icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
        <path d="M2 2.5v11M14 8H5.5M9 4 5 8l4 4" />
      </svg>
    </ToolbarButton>
  );
}

function SignOutButton() {
  return (
    <ToolbarButton label="Sign out" onClick={signOut}>
      <svg className="graphiql-toolbar-icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
        <path d="M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3" />
      </svg>
    </ToolbarButton>
  );
}

function Playground({ defaultTabs }) {
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      storage={storage}
      defaultTabs={defaultTabs}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>Repartee</GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, merge, copy }) => (
          <>
            {prettify}
            {merge}
            {copy}
            <StartOverButton />
            {session.access !== "OPEN" && <SignOutButton />}
          </>
        )}
      </GraphiQL.Toolbar>
      <FollowTheReply />
    </GraphiQL>
  );
}

const defaultTabs = isFirstVisit() ? await exampleTabs(here.href) : undefined;
createRoot(document.getElementById("playground")).render(<Playground defaultTabs={defaultTabs} />);

// Markdown as elements. Nothing here is ever HTML: each token becomes an element that this module makes.
import { Component, type ComponentChildren, type VNode } from "preact";
import { type Token, type Tokens, Lexer } from "marked";
import { decoded } from "./entities";
import { type Piece, spoken } from "./speech";

const OPTIONS = { gfm: true, breaks: true } as const;
const LINKS = ["http:", "https:", "mailto:"];

/** Shows a text. A block is made again only when its source has changed. */
export function Markdown({ text }: { text: string }) {
  const tokens = Lexer.lex(text, OPTIONS).filter(({ type }) => type !== "space" && type !== "def");
  return <>{tokens.map((token, place) => <Block key={place} token={token} />)}</>;
}

class Block extends Component<{ token: Token }> {
  override shouldComponentUpdate(next: { token: Token }) {
    // A link of the text may be defined below, so a block with brackets depends on more than its source.
    return next.token.raw !== this.props.token.raw || next.token.raw.includes("][");
  }
  override render() {
    return block(this.props.token);
  }
}

const blocks = (tokens: readonly Token[] = []) => tokens.filter(({ type }) => type !== "space").map(block);

function block(token: Token): ComponentChildren {
  switch (token.type) {
    case "heading":
      // The page has headings of its own; those of a text rank below a message.
      return <p class={`heading h${(token as Tokens.Heading).depth}`}>{inline(token.tokens)}</p>;
    case "paragraph":
      return <p dir="auto">{inline(token.tokens)}</p>;
    case "text":
      return token.tokens ? inline(token.tokens) : decoded(token.text);
    case "blockquote":
      return <blockquote>{blocks(token.tokens)}</blockquote>;
    case "list":
      return list(token as Tokens.List);
    case "code":
      return <Code text={(token as Tokens.Code).text} lang={(token as Tokens.Code).lang ?? ""} />;
    case "hr":
      return <hr />;
    case "table":
      return table(token as Tokens.Table);
    default:
      return <p dir="auto">{token.raw.trim()}</p>;
  }
}

function list({ ordered, start, items }: Tokens.List): VNode {
  const entries = items.map((item) => (
    <li>
      {item.task && <input type="checkbox" checked={!!item.checked} disabled aria-label={item.checked ? "done" : "to do"} />}
      {blocks(item.tokens.filter(({ type }) => type !== "checkbox"))}
    </li>
  ));
  return ordered ? <ol start={Number(start) || 1}>{entries}</ol> : <ul>{entries}</ul>;
}

function table({ header, rows }: Tokens.Table): VNode {
  return (
    <div class="table" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead><tr>{header.map((cell) => <th>{inline(cell.tokens)}</th>)}</tr></thead>
        <tbody>{rows.map((row) => <tr>{row.map((cell) => <td>{inline(cell.tokens)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

function Code({ text, lang }: { text: string; lang: string }) {
  return (
    <figure class="code">
      <figcaption>
        <span>{lang.split(/\s/)[0]}</span>
        <button type="button" class="quiet" data-copy={text}>Copy</button>
      </figcaption>
      <pre tabIndex={0} dir="ltr"><code>{text}</code></pre>
    </figure>
  );
}

function inline(tokens: readonly Token[] = []): ComponentChildren {
  const pieces: Piece<Token>[] = tokens.map((token) =>
    isPlain(token) ? decoded(token.type === "text" ? token.text : token.raw) : { inner: token },
  );
  return spoken(pieces).map(({ isSpeech, pieces: some }) => {
    const shown = some.map((piece) => (typeof piece === "string" ? piece : mark(piece.inner)));
    return isSpeech ? <span class="speech">{shown}</span> : shown;
  });
}

const isPlain = (token: Token) => (token.type === "text" && !token.tokens?.length) || token.type === "html";

function mark(token: Token): ComponentChildren {
  switch (token.type) {
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "codespan":
      return <code>{decoded(token.text)}</code>;
    case "br":
      return <br />;
    case "escape":
      return decoded(token.text);
    case "link":
      return link(token as Tokens.Link);
    case "image":
      // A picture from elsewhere would tell its server who reads this, and when.
      return <span class="image">🖼 {decoded(token.text) || "image"}</span>;
    default:
      return "tokens" in token ? inline(token.tokens) : decoded(token.raw);
  }
}

function link({ href, tokens }: Tokens.Link): ComponentChildren {
  const url = URL.parse?.(decoded(href)) ?? parsed(decoded(href));
  if (!url || !LINKS.includes(url.protocol)) return inline(tokens);
  return <a href={url.href} target="_blank" rel="noopener noreferrer nofollow">{inline(tokens)}</a>;
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

// Talk's streamCursor becomes Watch's `after`, so that nobody has to copy it from tab to tab.
import { useEffect } from "react";
import { useGraphiQL } from "@graphiql/react";

let latest = null;

export function rememberingCursors(fetcher) {
  return async (request, options) => {
    const answer = await fetcher(request, options);
    const conversationId = request.variables?.conversationId;
    for (const payload of Object.values(answer?.data ?? {})) {
      if (conversationId && payload?.streamCursor) latest = { conversationId, cursor: payload.streamCursor };
    }
    return answer;
  };
}

function withCursor(text) {
  try {
    const variables = JSON.parse(text);
    if (!("after" in variables) || variables.conversationId !== latest.conversationId) return text;
    return JSON.stringify({ ...variables, after: latest.cursor }, null, 2);
  } catch {
    return text;
  }
}

export function FollowTheReply() {
  const { activeTabIndex, variableEditor } = useGraphiQL((state) => ({
    activeTabIndex: state.activeTabIndex,
    variableEditor: state.variableEditor,
  }));
  useEffect(() => {
    if (!latest || !variableEditor) return;
    const before = variableEditor.getValue();
    const after = withCursor(before);
    if (after === before) return;
    variableEditor.setValue(after);
    latest = null;
  }, [activeTabIndex, variableEditor]);
  return null;
}

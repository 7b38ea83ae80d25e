package io.skerry.agent.serve.http;

import org.jspecify.annotations.Nullable;

/**
 * One request.
 *
 * @param path with its query, as it was sent
 * @param jsonLength how many bytes of the body are JSON, as it was sent
 * @param traceParent where in a trace its caller stands, as it was sent
 * @param traceState what goes with that
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared, and too large to copy again.
record HttpRequestBody(
    String method,
    String path,
    @Nullable String jsonLength,
    @Nullable String traceParent,
    @Nullable String traceState,
    byte[] body) {}

package io.skerry.agent.serve.http;

import com.google.gson.JsonObject;
import io.skerry.agent.model.PredictException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One answer.
 *
 * @param json the JSON part; may be empty
 * @param tensors the binary part, in order; without one the answer is plain JSON
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared, and too large to copy again.
record HttpAnswer(int status, byte[] json, List<ByteBuffer> tensors) {
  private static final int CLIENT_CLOSED = 499;

  /** The same in memory of its own. */
  HttpAnswer kept() {
    return new HttpAnswer(
        status,
        json,
        tensors.stream()
            .map(tensor -> ByteBuffer.allocate(tensor.remaining()).put(tensor.duplicate()).flip())
            .toList());
  }

  static HttpAnswer empty(int status) {
    return new HttpAnswer(status, new byte[0], List.of());
  }

  static HttpAnswer json(String json) {
    return new HttpAnswer(200, json.getBytes(StandardCharsets.UTF_8), List.of());
  }

  static HttpAnswer error(int status, String message) {
    JsonObject error = new JsonObject();
    error.addProperty("error", message);
    return new HttpAnswer(status, error.toString().getBytes(StandardCharsets.UTF_8), List.of());
  }

  static HttpAnswer error(PredictException e) {
    int status =
        switch (e.code()) {
          case INVALID_ARGUMENT -> 400;
          case NOT_FOUND -> 404;
          case ALREADY_EXISTS -> 409;
          case UNAVAILABLE, RESOURCE_EXHAUSTED -> 503;
          case UNIMPLEMENTED -> 501;
          case CANCELLED -> CLIENT_CLOSED;
          case DEADLINE_EXCEEDED -> 504;
          case INTERNAL -> 500;
        };
    return error(status, String.valueOf(e.getMessage()));
  }
}

package io.skerry.agent.serve.http;

import io.skerry.wire.inference.ModelInferRequest;
import java.util.Map;

/**
 * A prediction that is wanted over HTTP.
 *
 * @param binaryByDefault whether outputs that are not named in {@code binary} come in binary
 * @param binary outputs of which the client said so or so
 */
record InferJson(ModelInferRequest request, boolean binaryByDefault, Map<String, Boolean> binary) {
  InferJson {
    binary = Map.copyOf(binary);
  }

  boolean isBinary(String output) {
    return binary.getOrDefault(output, binaryByDefault);
  }
}

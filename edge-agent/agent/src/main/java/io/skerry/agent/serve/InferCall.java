package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.trace.CallTrace;
import io.skerry.wire.inference.ModelInferResponse;
import org.jspecify.annotations.Nullable;

/** One wanted prediction as its transport sees it. */
public interface InferCall {
  /** Who wants it. */
  Application application();

  /** Its trace; none when it is not traced. */
  @Nullable CallTrace trace();

  /** Whether the client has gone, or its deadline has passed. */
  boolean isCancelled();

  /** Calls back once when the client goes or its deadline passes; at once if so already. */
  void onCancel(Runnable action);

  /**
   * The prediction; its bytes must not be read after this returns. Either this or {@link #refuse}
   * is called, once, on any thread.
   */
  void answer(ModelInferResponse response);

  /** Why there is none. */
  void refuse(PredictException why);
}

package io.skerry.agent.model;

import io.skerry.runtime.EngineException;

/**
 * A prediction was not begun because its scope may not wait: it is to be made again by a thread
 * that may. Counted nowhere.
 */
public final class MustWaitException extends PredictException {
  private static final long serialVersionUID = 1L;

  MustWaitException(EngineException cause) {
    super(Code.UNAVAILABLE, "the run would have to wait", cause);
  }
}

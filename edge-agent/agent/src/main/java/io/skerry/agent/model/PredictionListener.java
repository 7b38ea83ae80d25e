package io.skerry.agent.model;

/**
 * Is told of every prediction after its answer was given, on the thread that ran it, by many
 * threads at once. It must only copy what it needs and return; what it throws is logged and goes no
 * further.
 */
public interface PredictionListener {
  /** Listens to nothing. */
  PredictionListener NONE =
      new PredictionListener() {
        @Override
        public void predicted(Prediction prediction) {}

        @Override
        public void failed(FailedPrediction failure) {}
      };

  /** A prediction was answered. */
  void predicted(Prediction prediction);

  /** A prediction failed for a fault of ours or the model's. */
  void failed(FailedPrediction failure);

  /**
   * A version that shadows answered a copy of an answered request.
   *
   * @param primary what the client got; its tensors are copies
   */
  default void shadowed(Prediction primary, Prediction shadow) {}

  /** A request of a shadow's share was not mirrored, because too many wait. */
  default void unmirrored(ModelRef shadow) {}
}

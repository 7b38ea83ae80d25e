package io.skerry.agent.update;

import io.skerry.agent.model.ModelRef;
import io.skerry.protocol.DesiredSlot;
import io.skerry.telemetry.sketch.MonitoringPlan;

/** Is told what to observe about a model, before its first prediction. */
public interface ModelWatch {
  /** Watches nothing. */
  ModelWatch NONE = (model, plan, order) -> {};

  /**
   * A model is about to answer, or its settings changed.
   *
   * @param order holds sampling rates and the window's length
   */
  void watch(ModelRef model, MonitoringPlan plan, DesiredSlot order);
}

package io.skerry.agent.update;

import io.skerry.agent.model.ModelRef;
import io.skerry.protocol.DesiredSlot;
import io.skerry.runtime.LoadedModel;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.util.List;

/**
 * A model that is loaded and passed its golden inputs, but does not answer yet.
 *
 * @param labels names of classes, by index; may be empty
 */
record PreparedModel(
    DesiredSlot order, ModelRef ref, LoadedModel model, MonitoringPlan plan, List<String> labels) {}

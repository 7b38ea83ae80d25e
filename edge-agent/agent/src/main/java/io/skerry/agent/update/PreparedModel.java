package io.skerry.agent.update;

import io.skerry.agent.model.ModelRef;
import io.skerry.protocol.DesiredSlot;
import io.skerry.runtime.LoadedModel;
import io.skerry.telemetry.sketch.MonitoringPlan;

/** A model that is loaded and passed its golden inputs, but does not answer yet. */
record PreparedModel(DesiredSlot order, ModelRef ref, LoadedModel model, MonitoringPlan plan) {}

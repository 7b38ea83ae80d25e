package io.skerry.agent.update;

import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import java.util.Optional;

/** Tells how a slot stands. */
final class SlotReports {
  // A reported document with all its slots must stay below its limit.
  private static final int DETAIL_MAX = 500;

  private SlotReports() {}

  /**
   * The report of one slot.
   *
   * @param active what answers now, as the running process knows it
   * @param trouble of the device itself, told where the slot has none of its own
   */
  static SlotReport of(
      SlotId slot,
      SlotState state,
      Optional<ServingModel> active,
      Optional<SlotReport.Failure> trouble) {
    Optional<DesiredSlot> order = state.order();
    return new SlotReport(
        slot,
        order.map(DesiredSlot::revision).orElse(0L),
        state.step().phase(),
        order.flatMap(DesiredSlot::rollout),
        order.map(DesiredSlot::manifest),
        active.map(model -> new SlotReport.Running(model.version(), model.manifest())),
        state
            .step()
            .problem()
            .or(() -> trouble)
            .map(failure -> new SlotReport.Failure(failure.code(), bounded(failure.detail()))),
        active.map(ServingModel::predictions).orElse(0L),
        active.map(ServingModel::predictionsFailed).orElse(0L));
  }

  private static String bounded(String detail) {
    return detail.substring(0, Math.min(detail.length(), DETAIL_MAX));
  }
}

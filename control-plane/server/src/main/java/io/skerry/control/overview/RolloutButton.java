package io.skerry.control.overview;

import io.skerry.api.Rollout;
import io.skerry.control.access.Role;
import io.skerry.fleet.rollout.RolloutAct;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * An act that a rollout's state allows, or would but for a reason, as its page offers it.
 *
 * @param refusal why this person may not do it; empty when they may
 */
public record RolloutButton(String act, String refusal) {
  static final String APPROVE = "approve";

  /**
   * The buttons of a rollout, for a person.
   *
   * @param refusals by act, what the engine would refuse them
   */
  static List<RolloutButton> of(Rollout rollout, Role role, Map<String, String> refusals) {
    return Arrays.stream(RolloutAct.values())
        .map(RolloutAct::wireName)
        .filter(act -> rollout.allowedActions().contains(act) || refusals.containsKey(act))
        .map(
            act ->
                new RolloutButton(
                    act, role.covers(needed(act)) ? refusals.getOrDefault(act, "") : lacking(act)))
        .toList();
  }

  /** Whether the person may do it. */
  public boolean isOpen() {
    return refusal.isEmpty();
  }

  private static Role needed(String act) {
    return act.equals(APPROVE) ? Role.APPROVER : Role.OPERATOR;
  }

  private static String lacking(String act) {
    return "your role does not allow it: %s may"
        .formatted(act.equals(APPROVE) ? "an approver" : "an operator");
  }
}

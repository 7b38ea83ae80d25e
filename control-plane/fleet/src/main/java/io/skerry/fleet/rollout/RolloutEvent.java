package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.Evidence;
import io.skerry.protocol.RolloutId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/** What can happen to a rollout. */
public sealed interface RolloutEvent {
  /** What the person who did it said; empty for what nobody did, or said nothing of. */
  default String reason() {
    return "";
  }

  /** Its author hands a draft in. */
  record Submit(String reason) implements RolloutEvent {
    /** An event that was kept before there were reasons has none. */
    public Submit {
      reason = Objects.requireNonNullElse(reason, "");
    }

    /** Without a reason. */
    public Submit() {
      this("");
    }
  }

  /** Somebody agrees; it starts. */
  record Approve(String by, String reason) implements RolloutEvent {
    /** An event that was kept before there were reasons has none. */
    public Approve {
      reason = Objects.requireNonNullElse(reason, "");
    }

    /** Without a reason. */
    public Approve(String by) {
      this(by, "");
    }
  }

  /** An operator starts it. */
  record Start(String reason) implements RolloutEvent {
    /** An event that was kept before there were reasons has none. */
    public Start {
      reason = Objects.requireNonNullElse(reason, "");
    }

    /** Without a reason. */
    public Start() {
      this("");
    }
  }

  /**
   * The fleet was counted.
   *
   * @param evidence of the current stage
   * @param heardSince since when the control plane hears its devices without a gap: who is ordered
   *     back has the time to return to it
   * @param rules by which it is judged, so that a kept event is judged again as it was then: 0
   *     judges the devices of all open stages together only; 1 also waits for outcomes of a version
   *     that shadows, and for what few devices of a stage leave open; 2 judges what devices do with
   *     the version over all open stages together only; 3 waits for the deadline of a stage whose
   *     devices were all removed; 4 judges failed devices of those at an end, whoever is under way;
   *     5 waits also for devices that come while a stage is watched, whatever its deadline; 6 lets
   *     late devices catch up whatever the pace, counts only profiles that tell something, and ends
   *     a trial at any hour; 7 ends one that is to be promoted within the windows only; 8 goes on
   *     in a window whatever a gate shows that pauses; 9 begins deadlines and soak anew after each
   *     silence and in each window, lets whoever is late catch up whatever becomes of them, and
   *     lets a profile pass of which few devices tell, if these are good; 10 judges them by all
   *     that came to an end since the first of them was there; 11 makes what was good on trial the
   *     active version on all devices at once, judged by whether they fail
   */
  record Observed(Census census, Evidence evidence, Instant heardSince, int rules)
      implements RolloutEvent {
    /** What new events are judged by. */
    public static final int RULES = 12;

    /** A kept event may be older than {@code heardSince}, and then has none. */
    public Observed {
      heardSince = Objects.requireNonNullElse(heardSince, Instant.EPOCH);
    }

    /** Judged by the newest rules. */
    public Observed(Census census, Evidence evidence, Instant heardSince) {
      this(census, evidence, heardSince, RULES);
    }

    /** Whether the open stage's own devices are judged alone by whether they failed the update. */
    boolean judgesStageAlone() {
      return rules >= 1;
    }

    /** Whether it waits for what shadows or few devices cannot tell. */
    boolean waitsInVain() {
      return rules < 2;
    }

    /** Whether they are judged alone by what they do with the version, too. */
    boolean judgesEvidenceAlone() {
      return rules >= 3;
    }

    /** Whether a stage whose devices were all removed ends without its deadline. */
    boolean endsWhenAllWereRemoved() {
      return rules >= 4;
    }

    /** Whether devices that are under way may still succeed. */
    boolean countsUnderWay() {
      return rules >= 5;
    }

    /** Whether a trial's verdict is that of its stages, whatever its holdback shows. */
    static boolean tellsOfStages(RolloutEvent end) {
      return rules(end) >= 6;
    }

    /** Whether what was good on trial goes through the stages again as the active version. */
    static boolean promotesInStages(RolloutEvent end) {
      return rules(end) >= 12;
    }

    private static int rules(RolloutEvent end) {
      return switch (end) {
        case Observed observed -> observed.rules;
        case Promote promote -> promote.rules;
        case Submit _, Approve _, Start _, Ordered _, Unheard _, Pause _, Resume _ -> RULES;
        case Abort _, RollBack _, Retry _, Supersede _ -> RULES;
      };
    }

    /** The same of other devices. */
    Observed of(Census some) {
      return new Observed(some, evidence, heardSince, rules);
    }

    /** Whether a paused rollout keeps what its gates say meanwhile. */
    boolean keepsVerdictsWhilePaused() {
      return rules >= 6;
    }

    /** Whether who catches up, or tries again after the end, takes what the pace allows. */
    boolean pacesCatchingUp() {
      return rules >= 7;
    }

    /** Whether a trial that is to be promoted waits with its end for a maintenance window. */
    boolean promotesInWindows() {
      return rules == 7;
    }

    /** Whether a silence, or a closed window, moves deadlines and soak on and no more than that. */
    boolean addsSilence() {
      return rules >= 10;
    }

    /** Whether those who get the version after the success are judged by whether they fail. */
    boolean judgesCatchingUp() {
      return rules >= 10;
    }

    /** Whether the census says who gets the version after the success. */
    boolean knowsWhoIsLate() {
      return rules >= 11;
    }

    /** Whether harm that pauses is looked at once more when a window opens. */
    boolean pausesAtTheWindow() {
      return rules >= 9;
    }

    /** Whether profiles that tell nothing yet have their share of the chance of a false stop. */
    boolean countsSilentProfiles() {
      return rules >= 7;
    }

    /** Whether devices that ought to tell and do not keep their profile from passing. */
    boolean capsSilentProfiles() {
      return rules >= 10;
    }

    /** Whether a stage waits for those only that were there to be ordered when it began. */
    boolean waitsForNoNewcomers() {
      return rules >= 6;
    }
  }

  /**
   * Orders that a pace allowed were given to fewer devices than was asked: the others were nothing
   * for the version, or had it.
   */
  record Ordered(int asked, int given) implements RolloutEvent {}

  /**
   * Nobody was heard for a time: deadlines and soak move on by that.
   *
   * @param silence until now
   */
  record Unheard(Duration silence) implements RolloutEvent {}

  /** An operator stops the opening of stages. */
  record Pause(String reason) implements RolloutEvent {}

  /**
   * An operator lets a paused rollout go on; deadlines and soak start again.
   *
   * @param rules as of {@link Observed}: by those before 6, also while the gate still fails
   */
  record Resume(String reason, int rules) implements RolloutEvent {
    /** An event that was kept before there were reasons has none. */
    public Resume {
      reason = Objects.requireNonNullElse(reason, "");
    }

    /** By the newest rules. */
    public Resume(String reason) {
      this(reason, Observed.RULES);
    }

    /** Without a reason. */
    public Resume() {
      this("");
    }

    /** Whether it is refused while the gate that paused it still fails. */
    boolean asksTheGates() {
      return rules >= 6;
    }
  }

  /**
   * An operator takes the current stage as passed.
   *
   * @param accepts gates that failed in it and would pause the rollout again, by their names
   * @param rules as of {@link Observed}
   */
  record Promote(String reason, List<String> accepts, int rules) implements RolloutEvent {
    /** An event that was kept before gates could be accepted accepts none. */
    public Promote {
      accepts = List.copyOf(Objects.requireNonNullElse(accepts, List.of()));
    }

    /** By the newest rules. */
    public Promote(String reason, List<String> accepts) {
      this(reason, accepts, Observed.RULES);
    }

    /** Accepting none. */
    public Promote(String reason) {
      this(reason, List.of());
    }

    /** The reason with what was accepted. */
    String told() {
      return accepts.isEmpty()
          ? "promoted: " + reason
          : "promoted although %s failed: %s".formatted(String.join(", ", accepts), reason);
    }
  }

  /** An operator stops it where it is. */
  record Abort(String reason) implements RolloutEvent {}

  /** An operator sends every touched device back. */
  record RollBack(String reason) implements RolloutEvent {}

  /** An operator has failed devices try again. */
  record Retry(String reason) implements RolloutEvent {}

  /** A newer rollout of the same slot and profiles starts. */
  record Supersede(RolloutId by) implements RolloutEvent {}
}

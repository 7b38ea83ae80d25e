package io.skerry.control.rollout;

import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.Eligibility;
import io.skerry.fleet.rollout.Eligibility.Eligible;
import io.skerry.fleet.rollout.Eligibility.NotEligible;
import io.skerry.fleet.rollout.StageRule.Selection;
import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.List;

/**
 * Who is in the stages of a rollout, and who of them still fits when it is to be ordered.
 *
 * <p>Of a static rollout it is fixed when the rollout is written down: by rank, by name where
 * labels or boards decide, and without those that were not eligible then. Of a dynamic one it is
 * what devices are when a stage opens, and as long as it is open.
 */
final class Members {
  // Of a static rollout: its members were fixed when it was written down.
  private static final String WHO_WAS_THERE =
      """
      device.enrolled_at <= rollout.created_at
        and not exists (select from rollout_outsider outsider
          where outsider.rollout = rollout.id and outsider.device = device.id)
        and not exists (select from deployment own
          where own.rollout = rollout.id and own.device = device.id)
      """;

  private static final String EVERYBODY =
      """
      device.profile = any(rollout.profiles)
        and not exists (select from deployment own
          where own.rollout = rollout.id and own.device = device.id
            and own.state <> 'NOT_ELIGIBLE')
      """;

  // A minute more: a description that is committed later than it was made is not missed.
  private static final String DESCRIBED_SINCE =
      "device.described_at > rollout.admitted_at - interval '1 minute' and " + EVERYBODY;

  // Stands for the profile of a device whose hardware matches none.
  private static final String NO_PROFILE = "unknown";

  private Members() {}

  /** Gives the devices of a stage that opens their rows. */
  static void enter(Transaction transaction, RolloutOrder order, int stage) {
    boolean fixed = !order.plan().dynamic();
    for (int earlier = 0; !fixed && earlier < stage; earlier++) {
      // Who came since the last look for newcomers joins the first stage that takes it.
      admit(transaction, order, earlier, DESCRIBED_SINCE, false);
    }
    admit(transaction, order, stage, fixed ? WHO_WAS_THERE : EVERYBODY, fixed);
  }

  /**
   * Gives devices that came after a dynamic rollout was written down, or that it fits only since
   * then, their places in the stages that are open. Those that were described earlier than this was
   * done last are not looked at again: a stage that opens takes them by itself.
   *
   * @return how many
   */
  static int admitNewcomers(Transaction transaction, RolloutOrder order, int throughStage) {
    int admitted = 0;
    for (int stage = 0; stage <= throughStage; stage++) {
      admitted += admit(transaction, order, stage, DESCRIBED_SINCE, false);
    }
    // The time at which the transaction began: what it did not see yet was described later.
    transaction.update("update rollout set admitted_at = now() where id = ?", order.id().value());
    return admitted;
  }

  // A member that does not fit when its stage opens has left it; nobody else leaves anything.
  private static int admit(
      Transaction transaction, RolloutOrder order, int stage, String who, boolean members) {
    Eligibility.Needs needs = RolloutTables.needs(transaction, order.id());
    Columns rows = new Columns(5);
    transaction.forEach(
        """
        select device.id, ranked.rank,
        """
            + Candidates.DESCRIBED
            + """
              from rollout
              join rollout_stage limits on limits.rollout = rollout.id and limits.stage = ?
              join device on
              """
            + who
            + """
              cross join lateral (select encode(sha256(convert_to(rollout.id || '/' || device.id,
                'UTF8')), 'hex') collate "C" as rank) ranked
              where rollout.id = ? and
              """
            + takes(order, stage),
        row -> {
          Eligibility.Device device = Candidates.described(row);
          String profile = device.profile().map(ProfileId::value).orElse(NO_PROFILE);
          switch (Eligibility.of(device, needs)) {
            case Eligible _ -> rows.add(row.text("id"), row.text("rank"), profile, "PENDING", null);
            case NotEligible(String reason) -> {
              if (members) {
                rows.add(row.text("id"), row.text("rank"), profile, "NOT_ELIGIBLE", reason);
              }
            }
          }
        },
        stage,
        order.id().value(),
        named(order, stage));
    if (rows.isEmpty()) {
      return 0;
    }
    List<String> admitted = insert(transaction, order, stage, rows);
    if (order.plan().dynamic() && !admitted.isEmpty()) {
      letIn(transaction, order, admitted);
    }
    return admitted.size();
  }

  // Who has a place now is no outsider any more.
  private static void letIn(Transaction transaction, RolloutOrder order, List<String> admitted) {
    int joined =
        transaction.update(
            "delete from rollout_outsider where rollout = ? and device = any(?)",
            order.id().value(),
            admitted);
    if (joined > 0) {
      transaction.update(
          "update rollout set outsiders = outsiders - ? where id = ?", joined, order.id().value());
    }
  }

  private static String takes(RolloutOrder order, int stage) {
    return switch (order.plan().steps().get(stage).selection()) {
      case Selection.Percent _, Selection.Count _ ->
          """
          ranked.rank <= rollout.holdback_above
            and (ranked.rank <= limits.threshold or device.id = any(limits.representatives))
            and ?::text is not null
          """;
      case Selection.Cohort _ ->
          fixedOr("device.labels @> (select selector from cohort where name = ?)");
      case Selection.Profile _ -> fixedOr("device.profile = ?");
      case Selection.Holdback _ -> "ranked.rank > rollout.holdback_above and ?::text is not null";
    };
  }

  private static String fixedOr(String now) {
    return """
        case when limits.fixed then exists (select from rollout_member member
          where member.rollout = rollout.id and member.stage = limits.stage
            and member.device = device.id)
          else %s end
        """
        .formatted(now);
  }

  private static String named(RolloutOrder order, int stage) {
    return switch (order.plan().steps().get(stage).selection()) {
      case Selection.Cohort cohort -> cohort.cohort().value();
      case Selection.Profile profile -> profile.profile().value();
      case Selection.Percent _, Selection.Count _, Selection.Holdback _ -> "";
    };
  }

  private static List<String> insert(
      Transaction transaction, RolloutOrder order, int stage, Columns rows) {
    return transaction.list(
        """
        insert into deployment (rollout, device, stage, rank, profile, state, online, error_detail)
        select placed.rollout, told.device, placed.stage, told.rank, told.profile, told.state,
          presence.online, told.reason
        from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[])
          as told (device, rank, profile, state, reason)
        join device_presence presence on presence.device = told.device
        cross join (select ?::text as rollout, ?::integer as stage) placed
        on conflict (rollout, device) do update set state = excluded.state,
          profile = excluded.profile, online = excluded.online, error_detail = null
        where deployment.state = 'NOT_ELIGIBLE' and excluded.state = 'PENDING'
        returning device
        """,
        row -> row.text("device"),
        rows.and(order.id().value(), stage));
  }

  /**
   * Devices that were to be ordered.
   *
   * @param eligible each with the profile that it has now
   * @param left NOT_ELIGIBLE now, with the reason
   */
  record Checked(List<String> eligible, List<String> left) {}

  /** Looks at waiting devices again: they may be others than when they got their places. */
  static Checked check(Transaction transaction, RolloutOrder order, List<String> waiting) {
    Eligibility.Needs needs = RolloutTables.needs(transaction, order.id());
    List<String> eligible = new ArrayList<>();
    List<String> left = new ArrayList<>();
    Columns moved = new Columns(2);
    Columns leaving = new Columns(2);
    transaction.forEach(
        "select device.id, d.profile as placed,"
            + Candidates.DESCRIBED
            + """
               from deployment d join device on device.id = d.device
               where d.rollout = ? and d.device = any(?)
               """,
        row -> {
          String device = row.text("id");
          switch (Eligibility.of(Candidates.described(row), needs)) {
            case Eligible(ProfileId profile) -> {
              eligible.add(device);
              if (!profile.value().equals(row.text("placed"))) {
                moved.add(device, profile.value());
              }
            }
            case NotEligible(String reason) -> {
              left.add(device);
              leaving.add(device, reason);
            }
          }
        },
        order.id().value(),
        waiting);
    if (!moved.isEmpty()) {
      transaction.update(
          """
          update deployment d set profile = told.profile
          from unnest(?::text[], ?::text[]) as told (device, profile)
          where d.device = told.device and d.rollout = ?
          """,
          moved.and(order.id().value()));
    }
    if (!leaving.isEmpty()) {
      transaction.update(
          """
          update deployment d set state = 'NOT_ELIGIBLE', has_order = false, due_at = null,
            error_code = null, error_detail = told.reason
          from unnest(?::text[], ?::text[]) as told (device, reason)
          where d.device = told.device and d.rollout = ?
          """,
          leaving.and(order.id().value()));
    }
    return new Checked(eligible, left);
  }
}

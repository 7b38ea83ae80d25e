package io.skerry.control.rollout;

import io.skerry.api.FieldError;
import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.rollout.RolloutOrder.Variant;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.rollout.Eligibility;
import io.skerry.fleet.rollout.Eligibility.Eligible;
import io.skerry.fleet.rollout.Eligibility.NotEligible;
import io.skerry.fleet.rollout.InvalidFieldException;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageMembership;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageMembership.Membership;
import io.skerry.fleet.rollout.StageRule.Selection;
import io.skerry.protocol.CohortName;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Who can get a wish, and in which stage: for the start and for a preview alike.
 *
 * @param variants by part and profile, only of profiles that every part has one for and that some
 *     stage can take
 */
record Candidates(
    Map<Part, Map<String, Packaged>> variants,
    Membership membership,
    Map<String, String> notEligible) {
  private static final int REASONS_MAX = 10;

  /** A version's artifact for one profile, and the engine that it needs. */
  record Packaged(Variant variant, String engine) {}

  Candidates {
    variants = Map.copyOf(variants);
    notEligible = Map.copyOf(notEligible);
  }

  /** A digest of which device is in which stage of the rollout. */
  String places(RolloutId id) {
    StringBuilder places = new StringBuilder(id.value());
    for (List<Candidate> stage : membership.stages()) {
      places.append('\n');
      stage.forEach(candidate -> places.append(candidate.device().value()).append(' '));
    }
    return Digest.of(places.toString().getBytes(StandardCharsets.UTF_8)).hex();
  }

  /** The same with who is in none, and why. */
  String everything(RolloutId id) {
    StringBuilder all = new StringBuilder(places(id));
    new TreeMap<>(notEligible)
        .forEach((device, why) -> all.append('\n').append(device).append(' ').append(why));
    return Digest.of(all.toString().getBytes(StandardCharsets.UTF_8)).hex();
  }

  List<String> profiles() {
    return variants.values().stream()
        .findFirst()
        .map(byProfile -> byProfile.keySet().stream().sorted().toList())
        .orElse(List.of());
  }

  /**
   * Finds them.
   *
   * @throws ProblemException naming the field that makes the wish impossible
   */
  static Candidates find(Transaction transaction, RolloutWish wish, String salt) {
    Map<Part, Map<String, Packaged>> variants = variants(transaction, wish.parts());
    Set<String> profiles = variants.getOrDefault(wish.parts().getFirst(), Map.of()).keySet();
    requireKnown(transaction, wish.plan(), profiles);
    Map<String, String> outside = new LinkedHashMap<>();
    List<Candidate> candidates = candidates(transaction, wish, needs(variants), outside);
    if (candidates.isEmpty()) {
      throw ProblemException.ofField(
          ErrorCode.STATE_CONFLICT,
          "version",
          "no device can run %s, which is packaged for %s%s"
              .formatted(
                  wish.parts().getFirst().version(),
                  profiles.stream().sorted().toList(),
                  counted(outside)));
    }
    try {
      Membership membership = StageMembership.assign(candidates, salt, wish.plan());
      membership
          .inNone()
          .forEach(candidate -> outside.put(candidate.device().value(), "no stage takes it"));
      return new Candidates(within(variants, wish.plan()), membership, outside);
    } catch (InvalidFieldException e) {
      throw ProblemException.ofField(
          ErrorCode.REQUEST_INVALID, e.field(), String.valueOf(e.getMessage()));
    }
  }

  private static Map<Part, Map<String, Packaged>> variants(
      Transaction transaction, List<Part> parts) {
    Map<Part, Map<String, Packaged>> all = new LinkedHashMap<>();
    for (Part part : parts) {
      all.put(part, signed(transaction, Releases.field(parts, part), part.version()));
    }
    Set<String> common = new HashSet<>(all.values().iterator().next().keySet());
    all.values().forEach(byProfile -> common.retainAll(byProfile.keySet()));
    if (common.isEmpty()) {
      throw ProblemException.ofField(
          ErrorCode.STATE_CONFLICT,
          "parts",
          "the parts have no hardware profile in common: package them for the same profiles");
    }
    all.replaceAll(
        (part, byProfile) -> {
          Map<String, Packaged> kept = new HashMap<>(byProfile);
          kept.keySet().retainAll(common);
          return Map.copyOf(kept);
        });
    return all;
  }

  // Devices of others are none of this rollout's, which must not be in the way of theirs.
  private static Map<Part, Map<String, Packaged>> within(
      Map<Part, Map<String, Packaged>> variants, RolloutPlan plan) {
    Optional<Set<ProfileId>> takes = plan.takesOnly();
    if (takes.isEmpty()) {
      return variants;
    }
    Map<Part, Map<String, Packaged>> within = new LinkedHashMap<>();
    variants.forEach(
        (part, byProfile) -> {
          Map<String, Packaged> kept = new HashMap<>(byProfile);
          kept.keySet().removeIf(profile -> !takes.get().contains(new ProfileId(profile)));
          within.put(part, Map.copyOf(kept));
        });
    return within;
  }

  private static Eligibility.Needs needs(Map<Part, Map<String, Packaged>> variants) {
    Map<ProfileId, Set<String>> engines = new HashMap<>();
    variants
        .values()
        .forEach(
            byProfile ->
                byProfile.forEach(
                    (profile, variant) ->
                        engines
                            .computeIfAbsent(new ProfileId(profile), unused -> new HashSet<>())
                            .add(variant.engine())));
    return new Eligibility.Needs(engines);
  }

  private record OfProfile(String profile, Packaged variant) {}

  private static Map<String, Packaged> signed(
      Transaction transaction, String field, ModelVersion version) {
    List<String> awaiting =
        transaction.list(
            """
            select profile from variant
            where model = ? and version = ? and winner and (signature is null or refused)
            order by profile
            """,
            row -> row.text("profile"),
            version.model().value(),
            version.version());
    if (!awaiting.isEmpty()) {
      throw Releases.awaiting(field, version, awaiting);
    }
    Map<String, Packaged> variants = new HashMap<>();
    transaction
        .list(
            """
            select profile, engine, manifest, signature from variant
            where model = ? and version = ? and winner and manifest is not null
              and signature is not null and not refused
            """,
            row ->
                new OfProfile(
                    row.text("profile"),
                    new Packaged(
                        new Variant(
                            version,
                            Digest.parse(row.text("manifest")),
                            Digest.parse(row.text("signature"))),
                        row.text("engine"))),
            version.model().value(),
            version.version())
        .forEach(one -> variants.put(one.profile(), one.variant()));
    if (variants.isEmpty()) {
      throw ProblemException.ofField(
          ErrorCode.STATE_CONFLICT,
          field,
          "%s has no packaged variant: package it first".formatted(version));
    }
    return variants;
  }

  private static void requireKnown(
      Transaction transaction, RolloutPlan plan, Set<String> profiles) {
    Set<String> cohorts =
        new HashSet<>(transaction.list("select name from cohort", row -> row.text("name")));
    List<FieldError> mistakes = new ArrayList<>();
    for (int stage = 0; stage < plan.stages().size(); stage++) {
      Selection selection = plan.stages().get(stage).selection();
      if (selection instanceof Selection.Cohort(CohortName cohort)
          && !cohorts.contains(cohort.value())) {
        mistakes.add(
            new FieldError(
                "stages[%d].cohort".formatted(stage),
                "there is no cohort '%s': known are %s; make one with './skerry create cohort'"
                    .formatted(cohort, cohorts.stream().sorted().limit(20).toList())));
      }
      if (selection instanceof Selection.Profile(ProfileId profile)
          && !profiles.contains(profile.value())) {
        mistakes.add(
            new FieldError(
                "stages[%d].profile".formatted(stage),
                "the version has no variant for '%s': it has for %s"
                    .formatted(profile, profiles.stream().sorted().toList())));
      }
    }
    if (!mistakes.isEmpty()) {
      throw ProblemException.ofFields(ErrorCode.REQUEST_INVALID, mistakes);
    }
  }

  private static String counted(Map<String, String> outside) {
    Map<String, Integer> reasons = new TreeMap<>();
    outside.values().forEach(reason -> reasons.merge(reason, 1, Integer::sum));
    return reasons.entrySet().stream()
        .map(one -> "; %d x %s".formatted(one.getValue(), one.getKey()))
        .limit(REASONS_MAX)
        .collect(Collectors.joining());
  }

  /** What of a row of {@code device} says whether it is eligible, for a select list. */
  static final String DESCRIBED =
      """
       device.profile,
        array(select jsonb_array_elements_text(device.facts->'engines')) as engines
      """;

  /** A device as a row says that holds {@link #DESCRIBED}. */
  static Eligibility.Device described(Row row) {
    return new Eligibility.Device(
        row.optionalText("profile").map(ProfileId::new), row.texts("engines"));
  }

  private static List<Candidate> candidates(
      Transaction transaction,
      RolloutWish wish,
      Eligibility.Needs needs,
      Map<String, String> outside) {
    Map<String, Set<CohortName>> cohorts = new HashMap<>();
    Set<String> named = new LinkedHashSet<>();
    wish.plan()
        .stages()
        .forEach(
            rule -> {
              if (rule.selection() instanceof Selection.Cohort(CohortName cohort)) {
                named.add(cohort.value());
              }
            });
    for (String cohort : named) {
      transaction.forEach(
          "select id from device where labels @> (select selector from cohort where name = ?)",
          row ->
              cohorts
                  .computeIfAbsent(row.text("id"), unused -> new HashSet<>())
                  .add(new CohortName(cohort)),
          cohort);
    }
    List<Candidate> candidates = new ArrayList<>();
    transaction.forEach(
        "select id," + DESCRIBED + " from device order by id",
        row -> {
          String id = row.text("id");
          switch (Eligibility.of(described(row), needs)) {
            case Eligible(ProfileId profile) ->
                candidates.add(
                    new Candidate(new DeviceId(id), profile, cohorts.getOrDefault(id, Set.of())));
            case NotEligible(String reason) -> outside.put(id, reason);
          }
        });
    return candidates;
  }
}

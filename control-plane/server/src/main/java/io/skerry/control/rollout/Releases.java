package io.skerry.control.rollout;

import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.List;

/** Whether versions are packaged and signed: when a rollout is written down, and when it begins. */
final class Releases {
  // Profiles that a refusal names; it counts the others.
  private static final int NAMED_MAX = 20;

  private Releases() {}

  private record Variant(String profile, boolean there, boolean same, boolean signed) {
    Variant(Row row) {
      this(row.text("profile"), row.flag("there"), row.flag("same"), row.flag("signed"));
    }
  }

  /**
   * Requires that what a rollout was written down with is still what devices would accept, and
   * takes the signatures that count now: an artifact can be signed anew.
   *
   * @throws ProblemException naming the version's field, and the profiles
   */
  static void requireAsWritten(Transaction transaction, RolloutOrder order) {
    for (Part part : order.parts()) {
      String field = field(order.parts(), part);
      List<String> gone = new ArrayList<>();
      List<String> anew = new ArrayList<>();
      List<String> awaiting = new ArrayList<>();
      for (Variant variant : variants(transaction, order, part)) {
        if (!variant.there()) {
          gone.add(variant.profile());
        } else if (!variant.same()) {
          anew.add(variant.profile());
        } else if (!variant.signed()) {
          awaiting.add(variant.profile());
        }
      }
      if (!gone.isEmpty()) {
        throw refused(
            field,
            "%s has no packaged variant for %s any more: package it, and write the rollout again",
            part.version(),
            gone);
      }
      if (!anew.isEmpty()) {
        throw refused(
            field,
            "%s was packaged anew for %s since this rollout was written down: look at it, and"
                + " write the rollout again",
            part.version(),
            anew);
      }
      if (!awaiting.isEmpty()) {
        throw awaiting(field, part.version(), awaiting);
      }
    }
    transaction.update(
        """
        update rollout_variant written set signature = variant.signature from variant
        where written.rollout = ? and variant.model = written.model
          and variant.version = written.version and variant.profile = written.profile
          and variant.winner and variant.manifest = written.manifest
          and variant.signature <> written.signature
        """,
        order.id().value());
  }

  private static List<Variant> variants(Transaction transaction, RolloutOrder order, Part part) {
    return transaction.list(
        """
        select written.profile, variant.profile is not null as there,
          coalesce(variant.manifest = written.manifest, false) as same,
          coalesce(variant.signature is not null and not variant.refused, false) as signed
        from rollout_variant written left join variant on variant.model = written.model
          and variant.version = written.version and variant.profile = written.profile
          and variant.winner
        where written.rollout = ? and written.slot = ?
        order by written.profile
        """,
        Variant::new,
        order.id().value(),
        part.slot().value());
  }

  /** The field of a request that names a part's version. */
  static String field(List<Part> parts, Part part) {
    int place = parts.indexOf(part);
    return place == 0 ? "version" : "parts[%d].version".formatted(place - 1);
  }

  /** What refuses a version whose artifacts nobody has signed. */
  static ProblemException awaiting(String field, ModelVersion version, List<String> profiles) {
    return refused(
        field,
        "%1$s awaits the release key's signature for %2$s: get what is to be signed with"
            + " './skerry get release %1$s --out unsigned.json', see docs/keys.md",
        version,
        profiles);
  }

  private static ProblemException refused(
      String field, String words, ModelVersion version, List<String> profiles) {
    return ProblemException.ofField(
        ErrorCode.STATE_CONFLICT, field, words.formatted(version, named(profiles)));
  }

  private static String named(List<String> profiles) {
    String some = String.join(", ", profiles.subList(0, Math.min(NAMED_MAX, profiles.size())));
    return profiles.size() <= NAMED_MAX
        ? some
        : "%s and %d more".formatted(some, profiles.size() - NAMED_MAX);
  }
}

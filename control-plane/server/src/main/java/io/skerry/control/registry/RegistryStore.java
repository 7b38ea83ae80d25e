package io.skerry.control.registry;

import com.google.gson.Gson;
import io.skerry.api.ModelVersionView;
import io.skerry.api.RunMetrics;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.VariantState;
import io.skerry.api.VariantTiming;
import io.skerry.api.WeightFile;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The tables of versions and variants. */
final class RegistryStore {
  private static final int LIST_MAX = 200;
  private static final Gson GSON = new Gson();
  private static final String VERSIONS =
      """
      select *, (
        select coalesce(
          json_agg(json_build_object('name', w.name, 'blob', w.blob, 'bytes', w.bytes)
            order by w.name), '[]')::text
        from model_weight w where w.model = v.model and w.version = v.version) as weights
      from model_version v
      """;

  private RegistryStore() {}

  static void insert(
      Transaction transaction,
      ModelVersion version,
      String source,
      String format,
      Digest blob,
      @Nullable String run,
      @Nullable String snapshot,
      @Nullable String calibration,
      @Nullable RunMetrics metrics,
      Instant now) {
    transaction.update(
        "insert into model_version (model, version, source, format, blob, run, snapshot,"
            + " calibration, metrics, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        version.model().value(),
        version.version(),
        source,
        format,
        blob.toString(),
        run,
        snapshot,
        calibration,
        metrics == null ? null : GSON.toJson(metrics),
        now);
  }

  static void insertWeight(Transaction transaction, ModelVersion version, WeightFile weight) {
    transaction.update(
        "insert into model_weight (model, version, name, blob, bytes) values (?, ?, ?, ?, ?)",
        version.model().value(),
        version.version(),
        weight.name(),
        weight.blob(),
        weight.bytes());
  }

  static List<ModelVersionView> versions(Transaction transaction) {
    return transaction.list(
        VERSIONS + "order by model, version desc limit " + LIST_MAX, row -> view(row, List.of()));
  }

  static Optional<ModelVersionView> version(Transaction transaction, ModelVersion version) {
    return transaction.first(
        VERSIONS + "where model = ? and version = ?",
        row -> view(row, List.of()),
        version.model().value(),
        version.version());
  }

  static Optional<String> calibration(Transaction transaction, ModelVersion version) {
    return transaction
        .first(
            "select calibration from model_version where model = ? and version = ?",
            row -> row.optionalText("calibration"),
            version.model().value(),
            version.version())
        .flatMap(found -> found);
  }

  static boolean isCalibration(Transaction transaction, String folder) {
    return transaction.number("select count(*) from model_version where calibration = ?", folder)
        > 0;
  }

  /** Whether this version is there, and this run made it. */
  static boolean isOfRun(Transaction transaction, ModelVersion version, String run) {
    return transaction.number(
            "select count(*) from model_version where model = ? and version = ? and run = ?",
            version.model().value(),
            version.version(),
            run)
        > 0;
  }

  static void putVariants(Transaction transaction, ModelVersion version, List<Variant> variants) {
    for (String profile : variants.stream().map(Variant::profile).distinct().toList()) {
      transaction.update(
          "delete from variant where model = ? and version = ? and profile = ?",
          version.model().value(),
          version.version(),
          profile);
    }
    for (int place = 0; place < variants.size(); place++) {
      Variant variant = variants.get(place);
      VariantQuality quality = variant.quality();
      VariantTiming timing = variant.timing();
      transaction.update(
          "insert into variant (model, version, profile, engine, precision, place, options, bytes,"
              + " quality, p50_micros, p99_micros, load_millis, peak_memory_bytes, measured,"
              + " winner, manifest, signature, reason)"
              + " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          version.model().value(),
          version.version(),
          variant.profile(),
          variant.engine(),
          variant.precision(),
          place,
          variant.options(),
          variant.bytes(),
          quality == null ? null : GSON.toJson(quality),
          timing == null ? null : timing.p50Micros(),
          timing == null ? null : timing.p99Micros(),
          timing == null ? null : timing.loadMillis(),
          timing == null ? null : timing.peakMemoryBytes(),
          variant.measured(),
          variant.winner(),
          variant.manifest(),
          variant.signature(),
          variant.reason());
    }
  }

  static List<Variant> variants(Transaction transaction, ModelVersion version) {
    return transaction.list(
        "select * from variant where model = ? and version = ?"
            + " order by profile, winner desc, bytes, place limit 1000",
        RegistryStore::variant,
        version.model().value(),
        version.version());
  }

  static ModelVersionView with(ModelVersionView view, List<Variant> variants) {
    return new ModelVersionView(
        view.model(),
        view.version(),
        view.source(),
        view.format(),
        view.blob(),
        view.weights(),
        view.run(),
        view.snapshot(),
        view.metrics(),
        view.createdAt(),
        variants);
  }

  private static ModelVersionView view(Row row, List<Variant> variants) {
    return new ModelVersionView(
        row.text("model"),
        row.bigint("version"),
        row.text("source"),
        row.text("format"),
        row.text("blob"),
        List.of(GSON.fromJson(row.text("weights"), WeightFile[].class)),
        row.optionalText("run").orElse(null),
        row.optionalText("snapshot").orElse(null),
        row.optionalText("metrics").map(json -> GSON.fromJson(json, RunMetrics.class)).orElse(null),
        row.instant("created_at"),
        variants);
  }

  static Optional<Optional<String>> lockSignature(
      Transaction transaction, ModelVersion version, ProfileId profile, Digest manifest) {
    return transaction.first(
        "select signature, refused from variant where model = ? and version = ? and profile = ? and winner"
            + " and manifest = ? for update",
        row -> row.flag("refused") ? Optional.empty() : row.optionalText("signature"),
        version.model().value(),
        version.version(),
        profile.value(),
        manifest.toString());
  }

  static void putSignature(
      Transaction transaction, ModelVersion version, ProfileId profile, Digest signature) {
    transaction.update(
        "update variant set signature = ?, refused = false where model = ? and version = ? and profile = ?"
            + " and winner",
        signature.toString(),
        version.model().value(),
        version.version(),
        profile.value());
  }

  /** A chosen variant that has a signature. */
  record Signed(ModelVersion version, String profile, String signature, boolean refused) {}

  static List<Signed> signed(Transaction transaction) {
    return transaction.list(
        "select model, version, profile, signature, refused from variant"
            + " where winner and signature is not null",
        row ->
            new Signed(
                new ModelVersion(new ModelName(row.text("model")), row.bigint("version")),
                row.text("profile"),
                row.text("signature"),
                row.flag("refused")));
  }

  static void putRefused(Transaction transaction, Signed signed, boolean refused) {
    transaction.update(
        "update variant set refused = ? where model = ? and version = ? and profile = ?"
            + " and winner and signature = ?",
        refused,
        signed.version().model().value(),
        signed.version().version(),
        signed.profile(),
        signed.signature());
  }

  private static Variant variant(Row row) {
    boolean winner = row.flag("winner");
    // What devices refuse by now awaits another signature as if it had none.
    Optional<String> signature =
        row.flag("refused") ? Optional.empty() : row.optionalText("signature");
    return new Variant(
        row.text("profile"),
        row.text("engine"),
        row.text("precision"),
        row.texts("options"),
        row.bigint("bytes"),
        row.optionalText("quality")
            .map(json -> GSON.fromJson(json, VariantQuality.class))
            .orElse(null),
        timing(row),
        row.text("measured"),
        winner,
        state(winner, signature.isPresent()),
        row.optionalText("manifest").orElse(null),
        signature.orElse(null),
        row.optionalText("reason").orElse(null));
  }

  private static @Nullable VariantTiming timing(Row row) {
    return row.optionalNumber("p50_micros")
        .map(
            p50 ->
                new VariantTiming(
                    p50,
                    // An earlier build told the median only.
                    row.optionalNumber("p99_micros").orElse(null),
                    row.optionalNumber("load_millis").orElse(null),
                    row.optionalBigint("peak_memory_bytes").orElse(null)))
        .orElse(null);
  }

  private static VariantState state(boolean winner, boolean signed) {
    if (!winner) {
      return VariantState.NOT_CHOSEN;
    }
    return signed ? VariantState.RELEASED : VariantState.AWAITING_SIGNATURE;
  }
}

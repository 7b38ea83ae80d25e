package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.function.Function;

/** A kind of thing that can be listed: where it is and what its columns show. */
enum Kind {
  DEVICES(
      "/v1/devices?pageSize=500",
      "device",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("ONLINE", "online"),
          Column.of("PROFILE", "profile"),
          Column.of("PHASE", "slots.phase"),
          new Column("RUNS", document -> running(document, "slots.")),
          Column.of("PREDICTIONS", "slots.predictions"),
          Column.of("FAILED", "slots.predictionsFailed"),
          Column.of("ERROR", "slots.errorCode"),
          new Column("AGE", document -> Age.of(Json.text(document, "lastSeenAt"))))),
  ROLLOUTS(
      "/v1/rollouts",
      "rollout",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("STATE", "state"),
          new Column("VERSION", document -> versionOf(document)),
          Column.of("STAGES", "stages"),
          Column.of("TOUCHED", "touched"),
          Column.of("REASON", "reason"))),
  COHORTS(
      "/v1/cohorts",
      "cohort",
      "name",
      List.of(
          Column.of("NAME", "name"),
          Column.of("SELECTOR", "selector"),
          Column.of("DEVICES", "devices"))),
  MODELS(
      "/v1/models",
      "model",
      "name",
      List.of(
          Column.of("NAME", "name"),
          Column.of("NEWEST", "versions.version"),
          Column.of("VERSIONS", "versions"),
          Column.of("ROC_AUC", "versions.metrics.rocAuc.value"),
          new Column("VARIANTS", document -> Watch.variants(newestVariants(document))),
          new Column("AGE", document -> Age.of(Json.text(document, "versions.createdAt"))))),
  RUNS(
      "/v1/runs",
      "run",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("STATE", "state"),
          Column.of("MODEL", "model"),
          Column.of("VERSION", "version"),
          Column.of("ROC_AUC", "metrics.rocAuc.value"),
          Column.of("STEP", "progress.step"),
          Column.of("ERROR", "error.code"),
          new Column("AGE", document -> Age.of(Json.text(document, "createdAt"))))),
  INCIDENTS(
      "/v1/incidents",
      "incident",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("STATE", "state"),
          new Column("VERSION", document -> versionOf(document)),
          new Column("COHORT", Kind::cohortsOf),
          Column.of("FEATURE", "feature"),
          Column.of("MOVED", "effect.words"),
          Column.of("BEFORE", "harm.before"),
          Column.of("AFTER", "harm.after"),
          new Column("AGE", document -> Age.of(Json.text(document, "openedAt"))))),
  DATASETS(
      "/v1/datasets",
      "dataset",
      "name",
      List.of(
          Column.of("NAME", "name"),
          Column.of("BATCH", "batch"),
          Column.of("ROWS", "rows"),
          Column.of("EXAMPLES", "examples"),
          Column.of("TRAIN", "train"),
          Column.of("VALIDATION", "validation"),
          Column.of("TEST", "test"),
          Column.of("SNAPSHOT", "snapshot"),
          new Column("AGE", document -> Age.of(Json.text(document, "createdAt"))))),
  TOKENS(
      "/v1/enrolment-tokens",
      "token",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("LEFT", "usesLeft"),
          Column.of("USES", "uses"),
          Column.of("LABELS", "labels"),
          Column.of("PREAUTHORISED_ONLY", "preauthorisedOnly"),
          Column.of("EXPIRES", "expiresAt"),
          Column.of("BY", "createdBy"),
          new Column("AGE", document -> Age.of(Json.text(document, "createdAt"))))),
  PREAUTHORISATIONS(
      "/v1/preauthorisations?pageSize=500",
      "preauthorisation",
      "device",
      List.of(
          Column.of("NAME", "device"),
          Column.of("KEY_SHA256", "keySha256"),
          Column.of("LABELS", "labels"),
          Column.of("USED", "usedAt"),
          Column.of("BY", "createdBy"),
          new Column("AGE", document -> Age.of(Json.text(document, "createdAt"))))),
  ALERTS(
      "/v1/alerts",
      "alert",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("SEVERITY", "severity"),
          Column.of("KIND", "kind"),
          Column.of("OBJECT", "object"),
          Column.of("COHORT", "cohort"),
          Column.of("DETAIL", "detail"),
          Column.of("RESOLVED", "resolvedAt"),
          new Column("AGE", document -> Age.of(Json.text(document, "at"))))),
  ROUTES(
      "/v1/alert-routes",
      "route",
      "name",
      List.of(
          Column.of("NAME", "name"),
          Column.of("KIND", "kind"),
          Column.of("URL", "url"),
          Column.of("FROM", "from"),
          Column.of("BY", "createdBy"),
          new Column("AGE", document -> Age.of(Json.text(document, "createdAt"))))),
  SILENCES(
      "/v1/silences",
      "silence",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("KIND", "kind"),
          Column.of("COHORT", "cohort"),
          Column.of("OBJECT", "object"),
          Column.of("UNTIL", "until"),
          Column.of("REASON", "reason"),
          Column.of("BY", "createdBy"))),
  DELIVERIES(
      "/v1/deliveries",
      "delivery",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("ALERT", "alert"),
          Column.of("KIND", "kind"),
          Column.of("ROUTE", "route"),
          Column.of("STATE", "state"),
          Column.of("ATTEMPTS", "attempts"),
          Column.of("ANSWER", "answer"),
          new Column("AGE", document -> Age.of(Json.text(document, "createdAt"))))),
  LABELS(
      "/v1/labels",
      "label",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("DEVICE", "device"),
          Column.of("PREDICTION", "predictionId"),
          Column.of("PREDICTED", "predicted"),
          Column.of("SCORE", "score"),
          Column.of("REASON", "reason"),
          new Column("AGE", document -> Age.of(Json.text(document, "at"))))),
  DATAFLOW(
      "/v1/dataflow",
      "dataflow",
      "of",
      List.of(
          Column.of("NAME", "of"),
          Column.of("RECEIVED", "received"),
          Column.of("SILENT", "silent"),
          Column.of("EXPECTED", "expected"),
          Column.of("LATE", "late"),
          Column.of("MISSING", "missing"),
          Column.of("LOST", "lost"),
          Column.of("TWICE", "duplicates"),
          Column.of("QUARANTINED", "quarantined"),
          Column.of("SKEW_MS", "skewMillis"),
          Column.of("COVERAGE", "coverage"),
          Column.of("ANOMALOUS", "anomalous"),
          new Column("LAST", document -> Age.of(Json.text(document, "lastAt"))))),
  QUARANTINE(
      "/v1/quarantine",
      "quarantined",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("DEVICE", "device"),
          Column.of("STREAM", "stream"),
          Column.of("SEQUENCE", "sequence"),
          Column.of("REASON", "reason"),
          new Column("AGE", document -> Age.of(Json.text(document, "at"))))),
  ERASURES(
      "/v1/erasures",
      "erasure",
      "id",
      List.of(
          Column.of("NAME", "id"),
          Column.of("DEVICE", "device"),
          Column.of("SUBJECT", "subject"),
          Column.of("SAMPLES", "samples"),
          Column.of("WINDOWS", "windows"),
          Column.of("FEEDBACK", "feedback"),
          Column.of("EXAMPLES", "examples"),
          Column.of("REASON", "reason"),
          Column.of("BY", "requestedBy"),
          new Column("AGE", document -> Age.of(Json.text(document, "erasedAt")))));

  /** A column and what it shows of a document. */
  record Column(String title, Function<JsonObject, String> value) {
    static Column of(String title, String path) {
      // A list counts its elements; a path through one reads its first.
      return new Column(title, document -> Json.text(document, path));
    }
  }

  private final String path;
  private final String singular;
  private final String nameField;

  // Made by List.of, of functions without state.
  @SuppressWarnings("ImmutableEnumChecker")
  private final List<Column> columns;

  Kind(String path, String singular, String nameField, List<Column> columns) {
    this.path = path;
    this.singular = singular;
    this.nameField = nameField;
    this.columns = columns;
  }

  String path() {
    return path;
  }

  String singular() {
    return singular;
  }

  String name(JsonObject document) {
    return Json.text(document, nameField);
  }

  List<Column> columns() {
    return columns;
  }

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  private static JsonArray newestVariants(JsonObject model) {
    return Json.array(model, "versions.variants");
  }

  private static String versionOf(JsonObject document) {
    return Json.text(document, "model") + "@" + Json.text(document, "version");
  }

  /** Whether a document says something at a path. */
  static boolean isToldOf(JsonObject document, String path) {
    String text = Json.text(document, path);
    return !text.isEmpty() && !text.equals("-");
  }

  private static String cohortsOf(JsonObject incident) {
    String cohort = Json.text(incident, "cohort");
    return isToldOf(incident, "otherwise")
        ? "%s or %s".formatted(cohort, Json.text(incident, "otherwise"))
        : cohort;
  }

  private static String running(JsonObject document, String prefix) {
    String model = Json.text(document, prefix + "runningModel");
    return model.equals("-") || model.isEmpty()
        ? "-"
        : model + "@" + Json.text(document, prefix + "runningVersion");
  }
}

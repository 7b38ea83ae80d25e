package io.skerry.control.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.DatasetBatch;
import io.skerry.control.audit.Actor;
import io.skerry.control.ingest.ErasureOrders;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.sql.DuckDb;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DatasetsTest {
  private static final Actor ANA = new Actor("ana", "r-1");
  private static final CollectedWindow.Origin ORIGIN =
      new CollectedWindow.Origin(new TenantId("default"), "engine", Instant.EPOCH);

  private static final String OPEN =
      "select device, prediction, label, split, slice, array_value("
          + "0::float, ".repeat(9)
          + "0::float) as input from '%s'";

  private TestPlane plane;
  private Datasets datasets;
  private Path data;

  @BeforeAll
  void start(@TempDir Path folder) throws IOException {
    data = folder.resolve("data");
    plane = TestPlane.start(data);
    datasets = plane.bean(Datasets.class);
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void storesABatchOnceHoweverOftenItIsSent() throws IOException {
    DatasetBatch first = store("once", "b1", csv(10));
    DatasetBatch again = store("once", "b1", csv(10));

    assertThat(again).isEqualTo(first);
    assertThat(first.train() + first.validation() + first.test()).isEqualTo(first.examples());
    assertThatThrownBy(() -> store("once", "b1", csv(11)))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> assertThat(problem.code()).isEqualTo(ErrorCode.ALREADY_EXISTS));
  }

  @Test
  void givesTheSnapshotBackAsItWas() throws IOException {
    DatasetBatch batch = store("back", "b1", csv(10));

    Examples examples = datasets.examples(datasets.snapshot(batch.snapshot()));

    assertThat(examples.size()).isEqualTo(batch.examples());
    assertThat(examples.size(Split.TEST)).isEqualTo(batch.test());
  }

  @Test
  void keepsNothingOfAnInvalidBatch() throws IOException {
    assertThatThrownBy(() -> store("bad", "b1", csv(10) + "engine-0,x,1,2,0\n"))
        .isInstanceOf(DatasetInvalidException.class);

    assertThat(data.resolve("lake/datasets/name=bad")).doesNotExist();
    assertThat(datasets.batches()).noneMatch(batch -> batch.name().equals("bad"));
    try (Stream<Path> incoming = Files.list(data.resolve("uploads"))) {
      assertThat(incoming).isEmpty();
    }
  }

  @Test
  void noticesThatTheLakeWasChanged() throws IOException {
    // Content of its own: equal content shares one file, whatever it is called.
    DatasetBatch one = store("changed", "b1", csv(13));
    store("changed", "b2", csv(12));
    Path folder = data.resolve("lake/datasets/name=changed");
    Files.delete(folder.resolve("batch=b1/series.parquet"));
    Files.copy(
        folder.resolve("batch=b2/series.parquet"), folder.resolve("batch=b1/series.parquet"));

    assertThatThrownBy(() -> datasets.examples(datasets.snapshot(one.snapshot())))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was changed in the lake");
  }

  @Test
  void growsByWindowsAndKeepsTheSplitsOfDevices() throws IOException {
    Snapshot base = datasets.snapshot(store("grown", "b1", csv(20)).snapshot());
    List<CollectedWindow> windows = collected();

    Datasets.Growth grown = datasets.grow(base, "site=b", windows, datasets.erasures());
    Datasets.Growth twice = datasets.grow(grown.snapshot(), "site=b", windows, datasets.erasures());

    assertThat(grown.snapshot().parent()).isEqualTo(base.digest());
    assertThat(grown.sliceTrain()).isPositive();
    assertThat(grown.sliceTest()).isPositive();
    assertThat(datasets.examples(grown.snapshot()).size(Split.TEST)).isGreaterThan(base.test());
    assertThat(twice.sliceTest()).isEqualTo(grown.sliceTest());
    assertThat(datasets.examples(twice.snapshot()).size()).isEqualTo(twice.snapshot().examples());
  }

  @Test
  void growsByOutcomesOfSeveralClassesAndByNoOthers() throws IOException {
    DatasetBatch batch =
        store("classes", "b1", csv(20).replaceAll("(?m)^(.*,1[12],.*),1$", "$1,2"));
    Snapshot base = datasets.snapshot(batch.snapshot());
    List<CollectedWindow> windows = new ArrayList<>();
    for (int device = 0; device < 12; device++) {
      for (int i = 0; i < 6; i++) {
        windows.add(
            new CollectedWindow(
                ORIGIN,
                new DeviceId("fleet-" + device),
                "p" + i,
                i % 3,
                device < 6,
                new float[10]));
      }
    }

    Snapshot grown = datasets.grow(base, "site=b", windows, datasets.erasures()).snapshot();

    assertThat(base.classes()).isEqualTo(3);
    assertThat(grown.classes()).isEqualTo(3);
    assertThat(datasets.snapshot(grown.digest().toString())).isEqualTo(grown);
    assertThat(datasets.examples(grown).labels().floats()).contains(0, 1, 2);
    Snapshot two = datasets.snapshot(store("two", "b1", csv(21)).snapshot());
    assertThat(two.classes()).isEqualTo(2);
    assertThatThrownBy(() -> datasets.grow(two, "site=b", windows, datasets.erasures()))
        .isInstanceOf(DatasetInvalidException.class)
        .hasMessageStartingWith(
            "outcome 2 of device 'fleet-0' is none of the 2 classes of sha256:");
  }

  /** What is erased while samples are collected may be among them: the erasure does not see it. */
  @Test
  void growsByNothingThatWasCollectedBeforeAnErasure() throws IOException {
    Snapshot base = datasets.snapshot(store("erased", "b1", csv(22)).snapshot());
    List<CollectedWindow> windows = collected();
    long collecting = datasets.erasures();
    plane
        .database()
        .run(
            transaction ->
                ErasureOrders.tell(
                    transaction,
                    "erasure-1",
                    new TenantId("default"),
                    "fleet-1",
                    null,
                    Instant.now()));

    assertThatThrownBy(() -> datasets.grow(base, "site=b", windows, collecting))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> assertThat(problem.code()).isEqualTo(ErrorCode.STATE_CONFLICT));

    try (Stream<Path> files = Files.walk(data.resolve("lake/datasets/name=erased"))) {
      assertThat(files.filter(file -> file.endsWith("collected.parquet"))).isEmpty();
    }
    assertThat(datasets.grow(base, "site=b", windows, datasets.erasures()).snapshot().examples())
        .isGreaterThan(base.examples());
  }

  @Test
  void keepsNoCollectedInputReadable() throws Exception {
    Snapshot base = datasets.snapshot(store("sealed", "b1", csv(23)).snapshot());

    Snapshot grown = datasets.grow(base, "site=b", collected(), datasets.erasures()).snapshot();

    assertThat(columns(grown)).contains("sealed").doesNotContain("input");
    assertThat(datasets.examples(grown).size()).isEqualTo(grown.examples());
  }

  @Test
  void keepsWhatWasCollectedAsLongAsSamplesOfItsModel() throws Exception {
    Snapshot base = datasets.snapshot(store("kept", "b1", csv(24)).snapshot());
    Instant then = Instant.now().minus(Duration.ofDays(20));
    List<CollectedWindow> windows = new ArrayList<>(collected("a", then));
    windows.addAll(collected("b", then));
    Snapshot grown = datasets.grow(base, "site=b", windows, datasets.erasures()).snapshot();

    DatasetRetention retention =
        new DatasetRetention(plane.database(), datasets, IngestConfig.DEFAULTS);

    retention.removeOld();
    assertThat(datasets.snapshot(grown.digest().toString())).isEqualTo(grown);
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    "insert into model_retention (model, what, kept_days, changed_by, changed_at)"
                        + " values ('a', 'samples', 10, 'ana', now())"));
    retention.removeOld();

    Snapshot left = datasets.snapshot(grown.digest().toString());
    assertThat(left.examples()).isBetween(base.examples() + 1, grown.examples() - 1);
    assertThat(collectedFile(grown)).doesNotExist();
    // Whoever had looked it up before reads what is left.
    assertThat(datasets.examples(grown).size()).isEqualTo(left.examples());
  }

  @Test
  void sealsWhatABuildBeforeLeftOpen() throws Exception {
    Snapshot base = datasets.snapshot(store("open", "b1", csv(25)).snapshot());
    Snapshot grown = datasets.grow(base, "site=b", collected(), datasets.erasures()).snapshot();
    Path file = collectedFile(grown);
    write(grown, OPEN);
    assertThat(datasets.examples(grown).size()).isEqualTo(grown.examples());

    datasets.thin(model -> Instant.EPOCH);

    Snapshot closed = datasets.snapshot(grown.digest().toString());
    assertThat(columns(closed)).contains("sealed").doesNotContain("input");
    assertThat(file).doesNotExist();
    assertThat(datasets.examples(closed).size()).isEqualTo(grown.examples());
  }

  /** Their key may be away: that is no reason to keep what others asked to be erased. */
  @Test
  void erasesOthersWhereWindowsCannotBeOpened() throws Exception {
    Snapshot base = datasets.snapshot(store("lost", "b1", csv(26)).snapshot());
    Snapshot grown =
        datasets
            .grow(base, "site=b", collected("lost", Instant.now()), datasets.erasures())
            .snapshot();
    write(grown, "select * replace ('?'::blob as sealed) from '%s'");

    assertThat(erase("nobody", Set.of())).isZero();
    assertThat(erase(null, Set.of("lost-1/p9"))).isZero();
    assertThatThrownBy(() -> erase("lost-1", Set.of())).hasMessageContaining("lost-");

    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    "delete from snapshot where digest = ?", grown.digest().toString()));
  }

  /** What nobody names is reached by no erasure, and kept for ever. */
  @Test
  void leavesNoFileThatNobodyNames() throws Exception {
    Snapshot base = datasets.snapshot(store("unnamed", "b1", csv(27)).snapshot());
    Snapshot grown = datasets.grow(base, "site=b", collected(), datasets.erasures()).snapshot();
    write(grown, OPEN);
    datasets.thin(model -> Instant.EPOCH);
    Snapshot closed = datasets.snapshot(grown.digest().toString());

    assertThat(datasets.grow(base, "site=b", collected(), datasets.erasures()).snapshot())
        .isEqualTo(closed);
    store("unnamed", "b2", csv(27));

    assertThat(files("unnamed"))
        .containsExactlyInAnyOrder(
            data.resolve(Objects.requireNonNull(base.seriesFile())), collectedFile(closed));
  }

  /** A rewriting that failed leaves files, and so does a server that ended before it named them. */
  @Test
  void removesFilesThatNobodyNamed() throws Exception {
    Snapshot base = datasets.snapshot(store("left", "b1", csv(28)).snapshot());
    Snapshot grown = datasets.grow(base, "site=b", collected(), datasets.erasures()).snapshot();
    Path unnamed = collectedFile(grown).resolveSibling("unnamed.parquet");
    Path part = collectedFile(grown).resolveSibling("unnamed.parquet.part");

    Files.writeString(unnamed, "of anna");
    Files.writeString(part, "of anna");
    erase("nobody", Set.of());
    assertThat(files("left"))
        .containsExactlyInAnyOrder(
            data.resolve(Objects.requireNonNull(base.seriesFile())), collectedFile(grown));

    Files.writeString(unnamed, "of anna");
    new DatasetRetention(plane.database(), datasets, IngestConfig.DEFAULTS).removeOld();
    assertThat(unnamed).doesNotExist();
  }

  /** A server that was given an empty database must not empty the lake of another. */
  @Test
  void removesNoFileByADatabaseThatNamesNone() throws Exception {
    Snapshot snapshot = datasets.snapshot(store("others", "b1", csv(37)).snapshot());
    change("create table named as select digest, series_file, collected_file from snapshot");
    change("update snapshot set series_file = null, collected_file = null");
    try {
      new DatasetRetention(plane.database(), datasets, IngestConfig.DEFAULTS).removeOld();
    } finally {
      change(
          "update snapshot set series_file = named.series_file,"
              + " collected_file = named.collected_file from named"
              + " where named.digest = snapshot.digest");
      change("drop table named");
    }

    assertThat(data.resolve(Objects.requireNonNull(snapshot.seriesFile()))).exists();
  }

  private void change(String sql) {
    plane.database().run(transaction -> transaction.update(sql));
  }

  private List<Path> files(String name) throws IOException {
    try (Stream<Path> files = Files.walk(data.resolve("lake/datasets/name=" + name))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private long erase(@Nullable String device, Set<String> predictions) {
    return plane
        .database()
        .<Long>call(transaction -> datasets.erase(transaction, device, predictions));
  }

  private void write(Snapshot snapshot, String sql) throws Exception {
    Path file = collectedFile(snapshot);
    Path other = file.resolveSibling("other.parquet");
    try (Connection connection = DuckDb.open(1, 256);
        Statement statement = connection.createStatement()) {
      statement.execute("copy (%s) to '%s'".formatted(sql.formatted(file), other));
    }
    Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
  }

  private Path collectedFile(Snapshot snapshot) {
    return data.resolve(Objects.requireNonNull(snapshot.collectedFile()));
  }

  private List<String> columns(Snapshot snapshot) throws SQLException {
    try (Connection connection = DuckDb.open(1, 256);
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "select name from parquet_schema('%s')".formatted(collectedFile(snapshot)))) {
      List<String> columns = new ArrayList<>();
      while (rows.next()) {
        columns.add(rows.getString(1));
      }
      return columns;
    }
  }

  private static List<CollectedWindow> collected() {
    return collected("fleet", Instant.now());
  }

  private static List<CollectedWindow> collected(String model, Instant at) {
    CollectedWindow.Origin origin = new CollectedWindow.Origin(new TenantId("default"), model, at);
    List<CollectedWindow> windows = new ArrayList<>();
    for (int device = 0; device < 12; device++) {
      for (int i = 0; i < 6; i++) {
        windows.add(
            new CollectedWindow(
                origin,
                new DeviceId(model + "-" + device),
                "p" + i,
                i == 5 ? 1 : 0,
                device < 6,
                new float[10]));
      }
    }
    return windows;
  }

  private DatasetBatch store(String name, String batch, String csv) throws IOException {
    return datasets.store(
        ANA, name, batch, 5, new ByteArrayInputStream(csv.getBytes(StandardCharsets.UTF_8)));
  }

  private static String csv(int devices) {
    StringBuilder text = new StringBuilder("device,cycle,s2,s3,label\n");
    for (int device = 0; device < devices; device++) {
      for (int row = 1; row <= 12; row++) {
        text.append(
            "engine-%d,%d,%d,%d,%d\n".formatted(device, row, row, 100 * device, row > 9 ? 1 : 0));
      }
    }
    return text.toString();
  }
}

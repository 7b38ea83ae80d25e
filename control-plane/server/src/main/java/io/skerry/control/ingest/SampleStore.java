package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.control.host.DataFolder;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Sample;
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** All samples, wherever they are, opened. */
@Singleton
public final class SampleStore {
  private final Database database;
  private final SealedSample seals;
  private final Path lake;

  SampleStore(Database database, SealedSample seals, DataFolder folder) {
    this.database = database;
    this.seals = seals;
    this.lake = folder.child("lake");
  }

  private record File(TenantId tenant, Path path) {}

  /**
   * Reads a model's samples of all versions in a span of time, each once, in no particular order.
   *
   * @param from inclusive
   * @param until exclusive
   */
  public void read(ModelName model, Instant from, Instant until, Consumer<StoredSample> reader) {
    // One snapshot: a sample that moves to the lake meanwhile is seen either here or there.
    database.run(
        transaction -> {
          transaction.readOneSnapshot();
          transaction.forEach(
              "select * from telemetry_sample where model = ? and at >= ? and at < ?",
              row -> reader.accept(sample(row)),
              model.value(),
              from,
              until);
          for (File file :
              files(
                  transaction,
                  "model = ? and day >= (? at time zone 'UTC')::date"
                      + " and day <= (? at time zone 'UTC')::date",
                  model.value(),
                  bounded(from),
                  bounded(until))) {
            SampleFiles.read(
                List.of(file.path()),
                model,
                from,
                until,
                stored -> reader.accept(sample(file.tenant(), stored)));
          }
        });
  }

  /** The sample of a prediction of a device on one UTC day. */
  public Optional<StoredSample> find(DeviceId device, String predictionId, Instant at) {
    List<StoredSample> found = new ArrayList<>();
    database.run(
        transaction -> {
          transaction.readOneSnapshot();
          transaction.forEach(
              "select * from telemetry_sample where prediction_id = ? and device = ?",
              row -> found.add(sample(row)),
              predictionId,
              device.value());
          if (!found.isEmpty()) {
            return;
          }
          for (File file : files(transaction, "day = (? at time zone 'UTC')::date", at)) {
            SampleFiles.read(
                List.of(file.path()),
                predictionId,
                stored -> {
                  if (stored.device().equals(device.value())) {
                    found.add(sample(file.tenant(), stored));
                  }
                });
          }
        });
    return found.stream().findFirst();
  }

  /** The predictions of a subject whose samples are kept, each as {@code device/prediction}. */
  List<String> predictions(Transaction transaction, TenantId tenant, String pseudonym) {
    List<String> predictions =
        new ArrayList<>(
            transaction.list(
                """
                select device || '/' || prediction_id as name from telemetry_sample
                where tenant = ? and subject = ?
                """,
                row -> row.text("name"),
                tenant.value(),
                pseudonym));
    List<Path> stored =
        files(transaction, "tenant = ?", tenant.value()).stream().map(File::path).toList();
    if (!stored.isEmpty()) {
      predictions.addAll(SampleFiles.predictions(stored, pseudonym));
    }
    return predictions;
  }

  private List<File> files(Transaction transaction, String where, Object... parameters) {
    return transaction.list(
        "select tenant, path from lake_file where replaced_at is null and "
            + where
            + " order by path",
        row -> new File(new TenantId(row.text("tenant")), lake.resolve(row.text("path"))),
        parameters);
  }

  // What PostgreSQL can tell the day of.
  private static Instant bounded(Instant at) {
    Instant latest = Instant.parse("9999-01-01T00:00:00Z");
    return at.isBefore(Instant.EPOCH) ? Instant.EPOCH : at.isAfter(latest) ? latest : at;
  }

  private StoredSample sample(Row row) {
    return sample(
        new TenantId(row.text("tenant")),
        new SampleFiles.Stored(
            row.text("device"),
            row.bigint("boot_epoch"),
            row.bigint("sequence"),
            row.text("slot"),
            row.text("model"),
            row.bigint("version"),
            row.instant("at"),
            row.number("inclusion_probability"),
            row.text("stratum"),
            ByteString.copyFrom(row.bytes("sealed"))));
  }

  private StoredSample sample(TenantId tenant, SampleFiles.Stored stored) {
    Sample opened =
        seals.open(
            new SealedSample.Name(tenant, stored.device(), stored.bootEpoch(), stored.sequence()),
            stored.sealed().toByteArray());
    NamedTensor input = opened.getInputs(0);
    NamedTensor output = opened.getOutputs(0);
    return new StoredSample(
        tenant,
        new DeviceId(stored.device()),
        opened.getPredictionId(),
        opened.getClientId(),
        new SlotId(stored.slot()),
        new ModelVersion(new ModelName(stored.model()), stored.version()),
        stored.at(),
        input.getName(),
        input.getDatatype(),
        input.getShapeList(),
        input.getData(),
        output.getData(),
        Scores.of(output),
        stored.inclusionProbability(),
        stored.stratum());
  }
}

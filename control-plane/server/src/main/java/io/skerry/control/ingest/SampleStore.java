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
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** All samples, wherever they are. */
@Singleton
public final class SampleStore {
  private final Database database;
  private final Path lake;

  SampleStore(Database database, DataFolder folder) {
    this.database = database;
    this.lake = folder.child("lake");
  }

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
          List<Path> files = files(transaction, model);
          if (!files.isEmpty()) {
            SampleFiles.read(files, model, from, until, reader);
          }
        });
  }

  private List<Path> files(Transaction transaction, ModelName model) {
    return transaction.list(
        "select path from lake_file where model = ? order by path",
        row -> lake.resolve(row.text("path")),
        model.value());
  }

  private static StoredSample sample(Row row) {
    return new StoredSample(
        new DeviceId(row.text("device")),
        row.text("prediction_id"),
        row.text("client_id"),
        new SlotId(row.text("slot")),
        new ModelVersion(new ModelName(row.text("model")), row.bigint("version")),
        row.instant("at"),
        row.text("input_name"),
        row.text("input_type"),
        Arrays.stream(row.bigints("input_shape")).boxed().toList(),
        ByteString.copyFrom(row.bytes("input")),
        ByteString.copyFrom(row.bytes("output")),
        row.optionalNumber("score"),
        row.number("inclusion_probability"),
        row.text("stratum"));
  }
}

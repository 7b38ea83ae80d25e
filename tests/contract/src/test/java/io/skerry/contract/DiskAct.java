package io.skerry.contract;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.agent.update.Downloads;
import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.Digest;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** What a device does with its disk and a power cut must not take, in a folder that is there. */
enum DiskAct {
  DOCUMENTS {
    @Override
    void in(Path folder, Disk disk) throws IOException {
      DurableFile.write(disk, folder.resolve("state"), bytes("one"));
      DurableFile.write(disk, folder.resolve("state"), bytes("two"));
    }
  },
  SECRET {
    @Override
    void in(Path folder, Disk disk) throws IOException {
      DurableFile.writePrivate(disk, folder.resolve("key"), bytes("one"));
    }
  },
  RECORDS {
    @Override
    void in(Path folder, Disk disk) throws IOException {
      Spool spool = spool(folder, disk);
      spool.append(RecordStream.EVENTS, event("first"));
      spool.append(RecordStream.EVENTS, event("second"));
      spool.flush();
      spool.append(RecordStream.EVENTS, event("third"));
      spool.flush();
    }
  },
  COMMITTED_RECORDS {
    @Override
    void in(Path folder, Disk disk) throws IOException {
      Spool spool = spool(folder, disk);
      spool.append(RecordStream.EVENTS, event("first"));
      spool.flush();
      spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 1));
      spool.close();
    }
  },
  DROPPED_RECORDS {
    @Override
    void in(Path folder, Disk disk) throws IOException {
      Spool spool = spool(folder, disk);
      for (int i = 0; i < 3; i++) {
        spool.append(RecordStream.EVENTS, event("x".repeat(SPOOL_BYTES / 3)));
        spool.flush();
      }
    }
  },
  OPEN_WINDOWS {
    @Override
    void in(Path folder, Disk disk) throws IOException {
      Spool spool = spool(folder, disk);
      spool.append(RecordStream.WINDOWS, event("stands for a window"));
      spool.checkpoint(bytes("what is counted"));
    }
  },
  DOWNLOAD {
    @Override
    void in(Path folder, Disk disk) {
      byte[] content = new byte[Layer.CHUNK_BYTES + 1000];
      new SplittableRandom(1).nextBytes(content);
      Digest digest = Digest.of(content);
      MemoryArtifacts artifacts = new MemoryArtifacts();
      artifacts.serve(digest, content);
      artifacts.breakAfter(Layer.CHUNK_BYTES + 500);
      Layer layer =
          new Layer(
              LayerType.MODEL_ONNX,
              "model.onnx",
              digest,
              content.length,
              List.of(
                  Digest.of(Arrays.copyOf(content, Layer.CHUNK_BYTES)),
                  Digest.of(Arrays.copyOfRange(content, Layer.CHUNK_BYTES, content.length))));
      Downloads downloads = new Downloads(artifacts.http(), disk, folder.resolve("blobs"));
      downloads.fetch(artifacts.base(), layer);
      artifacts.mend();
      downloads.fetch(artifacts.base(), layer);
    }
  };

  // Room for two of the records that are dropped.
  private static final int SPOOL_BYTES = 8192;

  abstract void in(Path folder, Disk disk) throws IOException;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static Record event(String detail) {
    return TelemetryRecords.event(Instant.EPOCH, "TEST", detail, Map.of());
  }

  private static Spool spool(Path folder, Disk disk) throws IOException {
    SpoolSeal seal = SpoolSeal.of(disk, folder, new TenantId("default"), new SplittableRandom(1));
    return Spool.open(disk, folder.resolve("spool"), seal, 1, SPOOL_BYTES);
  }
}

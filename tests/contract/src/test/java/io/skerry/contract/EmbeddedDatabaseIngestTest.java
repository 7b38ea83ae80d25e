package io.skerry.contract;

import java.util.List;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class EmbeddedDatabaseIngestTest extends IngestContract {
  @Override
  List<String> database() {
    return List.of();
  }
}

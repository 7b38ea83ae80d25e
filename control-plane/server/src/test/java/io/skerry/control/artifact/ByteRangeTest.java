package io.skerry.control.artifact;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ByteRangeTest {
  @ParameterizedTest
  @CsvSource({
    "bytes=0-0, 10, 0-0",
    "bytes=2-5, 10, 2-5",
    "bytes=2-, 10, 2-9",
    "bytes=2-99, 10, 2-9",
    "bytes=-3, 10, 7-9",
    "bytes=-99, 10, 0-9",
    "bytes=10-, 10, none",
    "bytes=-0, 10, none",
    "bytes=0-, 0, none",
    "bytes=5-2, 10, whole",
    "bytes=-, 10, whole",
    "'bytes=0-1,4-5', 10, whole",
    "lines=0-1, 10, whole",
    "bytes=9999999999999999999-, 10, whole",
  })
  void readsOneRange(String header, long size, String expected) {
    String read =
        switch (ByteRange.of(header, size)) {
          case ByteRange.Whole whole -> "whole";
          case ByteRange.Unsatisfiable none -> "none";
          case ByteRange.Part part -> part.first() + "-" + part.last();
        };

    assertThat(read).isEqualTo(expected);
  }
}

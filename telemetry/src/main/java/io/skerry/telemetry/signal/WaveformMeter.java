package io.skerry.telemetry.signal;

import java.nio.ByteBuffer;

/** Measures waveforms. */
final class WaveformMeter extends Meter {
  private static final int READ_MAX = 4096;
  private static final float CLIPPED_FROM = 1 - 1f / 512;

  private final Signal.Waveform waveform;
  // Of each channel the sample before.
  private final float[] before;

  WaveformMeter(Signal.Waveform waveform) {
    super(waveform.elements(), Math.min(READ_MAX, waveform.elements()));
    this.waveform = waveform;
    this.before = new float[waveform.channels()];
  }

  @Override
  int scalars() {
    return waveform.scalars().size();
  }

  @Override
  boolean sum(ByteBuffer data, int first, Elements as, float[] into) {
    int channels = waveform.channels();
    int samples = waveform.samples();
    int elements = waveform.elements();
    float perUnit = 1 / waveform.fullScale();
    double sum = 0;
    double squares = 0;
    long crossings = 0;
    long clipped = 0;
    int channel = 0;
    int sample = 0;
    for (int done = 0; done < elements; ) {
      int count = Math.min(Math.min(READ_MAX, elements), elements - done);
      float[] read = read(data, first + done, count, as);
      for (int i = 0; i < count; i++) {
        float a = read[i] * perUnit;
        sum += a;
        squares += (double) a * a;
        clipped += Math.abs(a) >= CLIPPED_FROM ? 1 : 0;
        crossings += sample > 0 && (a >= 0) != (before[channel] >= 0) ? 1 : 0;
        before[channel] = a;
        if (waveform.channelsFirst()) {
          if (++sample == samples) {
            sample = 0;
            channel++;
          }
        } else if (++channel == channels) {
          channel = 0;
          sample++;
        }
      }
      done += count;
    }
    long pairs = (long) channels * (samples - 1);
    into[0] = (float) Math.sqrt(squares / elements);
    into[1] = (float) (sum / elements);
    into[2] = pairs == 0 ? 0 : (float) crossings / pairs;
    into[3] = (float) clipped / elements;
    return Double.isFinite(sum) && Double.isFinite(squares);
  }
}

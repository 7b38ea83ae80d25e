package io.skerry.control.drift;

/**
 * Outcomes up to a bound: beyond it an even sample, in which no device comes first by its name and
 * none that floods pushes out another. Devices give one after the other, each what a hash of its
 * predictions' ids puts first, until the bound is reached.
 */
final class OutcomeSample {
  /** Outcomes that are read for one figure. */
  static final int OUTCOMES_MAX = 200_000;

  private OutcomeSample() {}

  /**
   * A query of a sample; its last parameter is how many at most. Adds to each row {@code known},
   * how many there are, and {@code read_share}, the share of its device's that is in the sample: an
   * outcome stands for so many more.
   *
   * @param newest query of the outcomes, with {@code device} and {@code prediction_id}
   */
  static String of(String newest) {
    return """
        select kept.*,
          count(*) over (partition by device)::double precision / of_device as read_share
        from (
          select * from (
            select newest.*, count(*) over () as known,
              count(*) over (partition by device) as of_device,
              row_number() over (partition by device order by chance, prediction_id) as turn
            from (
              select outcome.*, hashtextextended(device || '/' || prediction_id, 0) as chance
              from (%s) outcome) newest) ranked
          order by turn, chance, device limit ?) kept
        order by device, prediction_id
        """
        .formatted(newest);
  }
}

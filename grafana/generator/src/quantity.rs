//! What is measured, in the units of both systems: this is all in which a dashboard in imperial units differs.

/// A system of units.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Metric,
    Imperial,
}

/// What a value is.
#[derive(Clone, Copy)]
pub(crate) enum Quantity {
    /// From kg.
    Mass,
    /// From °C.
    Temperature,
    /// From m.
    Distance,
    /// From m, what is climbed.
    Height,
    /// From s, for axes.
    Hours,
    /// From s, for axes.
    Minutes,
    /// From s.
    Milliseconds,
    /// From Unix seconds, with the day.
    Time,
    /// From Unix seconds, the time of the day alone.
    Clock,
    /// A share of 1, shown in percent.
    Share,
    /// Shown as it is, with this unit of Grafana and as many decimals as there are.
    Plain(&'static str),
    /// Shown as it is, with this unit of Grafana and so many decimals.
    Rounded(&'static str, u8),
}

/// Seconds, for tiles: `07h:24m`.
pub(crate) const DURATION: Quantity = Quantity::Rounded("clocks", 1);

/// Seconds in whatever fits: `19 hours`, `2 days`.
pub(crate) const AGE: Quantity = Quantity::Rounded("s", 0);

/// Seconds as they were measured: `35 ms`.
pub(crate) const TIME_TAKEN: Quantity = Quantity::Plain("s");

/// A number of things or a score.
pub(crate) const COUNT: Quantity = Quantity::Rounded("none", 0);

/// Percent, 0 to 100.
pub(crate) const PERCENT: Quantity = Quantity::Rounded("percent", 0);

/// Fat as a share of the weight, 0 to 100 percent.
pub(crate) const SHARE_OF_BODY: Quantity = Quantity::Rounded("percent", 1);

/// Beats or breaths.
pub(crate) const PER_MINUTE: Quantity = Quantity::Rounded("suffix:/min", 0);

/// Blood pressure.
pub(crate) const MMHG: Quantity = Quantity::Rounded("suffix:mmHg", 0);

/// Energy.
pub(crate) const KCAL: Quantity = Quantity::Rounded("suffix:kcal", 0);

/// Steps.
pub(crate) const STEPS: Quantity = Quantity::Rounded("locale", 0);

/// How fast the pulse runs.
pub(crate) const VELOCITY: Quantity = Quantity::Rounded("velocityms", 1);

/// How a unit comes from the metric's: multiplied, divided, added.
struct Conversion {
    unit: &'static str,
    times: f64,
    per: f64,
    plus: f64,
}

impl Quantity {
    /// Grafana's unit.
    pub(crate) fn unit(self, system: System) -> &'static str {
        self.conversion(system).unit
    }

    /// How many decimals are shown; `None` leaves it to Grafana.
    pub(crate) fn decimals(self) -> Option<u8> {
        match self {
            Self::Mass | Self::Temperature | Self::Distance | Self::Hours => Some(1),
            Self::Height | Self::Minutes | Self::Milliseconds | Self::Share => Some(0),
            Self::Time | Self::Clock | Self::Plain(_) => None,
            Self::Rounded(_, decimals) => Some(decimals),
        }
    }

    /// A value in the metric's unit in that of the system.
    pub(crate) fn value(self, system: System, value: f64) -> f64 {
        let Conversion { times, per, plus, .. } = self.conversion(system);
        let shown = value * times / per + plus;
        (shown * 1e6).round() / 1e6
    }

    /// An expression in the metric's unit in that of the system.
    pub(crate) fn expression(self, system: System, expression: &str) -> String {
        let Conversion { times, per, plus, .. } = self.conversion(system);
        let steps = [("*", times, 1.0), ("/", per, 1.0), ("+", plus, 0.0)];
        let steps: Vec<String> = steps
            .into_iter()
            .filter(|(_, by, nothing)| (by - nothing).abs() > f64::EPSILON)
            .map(|(operator, by, _)| format!(" {operator} {}", number(by)))
            .collect();
        if steps.is_empty() { expression.to_owned() } else { format!("({expression}){}", steps.concat()) }
    }

    fn conversion(self, system: System) -> Conversion {
        use System::{Imperial, Metric};
        let (unit, times, per, plus) = match (self, system) {
            // With this unit Grafana would show a change of 0.36 kg as 360 g.
            (Self::Mass, Metric) => ("suffix:kg", 1.0, 1.0, 0.0),
            (Self::Mass, Imperial) => ("suffix:lb", 1.0, 0.453_592_37, 0.0),
            (Self::Temperature, Metric) => ("celsius", 1.0, 1.0, 0.0),
            (Self::Temperature, Imperial) => ("fahrenheit", 1.8, 1.0, 32.0),
            (Self::Distance, Metric) => ("suffix:km", 1.0, 1000.0, 0.0),
            (Self::Distance, Imperial) => ("suffix:mi", 1.0, 1609.344, 0.0),
            (Self::Height, Metric) => ("suffix:m", 1.0, 1.0, 0.0),
            (Self::Height, Imperial) => ("suffix:ft", 1.0, 0.3048, 0.0),
            (Self::Hours, _) => ("suffix:h", 1.0, 3600.0, 0.0),
            (Self::Minutes, _) => ("suffix:min", 1.0, 60.0, 0.0),
            (Self::Milliseconds, _) => ("ms", 1000.0, 1.0, 0.0),
            (Self::Time, _) => ("time:YYYY-MM-DD HH:mm", 1000.0, 1.0, 0.0),
            (Self::Clock, _) => ("time:HH:mm", 1000.0, 1.0, 0.0),
            (Self::Share, _) => ("percentunit", 1.0, 1.0, 0.0),
            (Self::Plain(unit) | Self::Rounded(unit, _), _) => (unit, 1.0, 1.0, 0.0),
        };
        Conversion { unit, times, per, plus }
    }
}

/// A number as PromQL reads it.
pub(crate) fn number(value: f64) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::System::{Imperial, Metric};
    use super::{PERCENT, Quantity};

    #[test]
    fn quantities_are_converted_in_expressions_and_limits_alike() {
        for (quantity, system, unit, expression, value) in [
            (Quantity::Mass, Metric, "suffix:kg", "x", 100.0),
            (Quantity::Mass, Imperial, "suffix:lb", "(x) / 0.45359237", 220.462_262),
            (Quantity::Temperature, Imperial, "fahrenheit", "(x) * 1.8 + 32", 212.0),
            (Quantity::Distance, Imperial, "suffix:mi", "(x) / 1609.344", 0.062_137),
            (Quantity::Hours, Imperial, "suffix:h", "(x) / 3600", 0.027_778),
            (PERCENT, Imperial, "percent", "x", 100.0),
        ] {
            assert_eq!((quantity.unit(system), quantity.expression(system, "x").as_str()), (unit, expression));
            assert!((quantity.value(system, 100.0) - value).abs() < 1e-9, "{unit}");
        }
    }
}

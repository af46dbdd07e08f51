//! Where cloud regions are, and how long light takes from one to the other.
//!
//! Cities are those that Amazon, Google and Microsoft name in their lists of regions; coordinates are those of the
//! cities, so a distance is right within some fifty kilometres, half a millisecond there and back.

use std::collections::HashMap;
use std::sync::LazyLock;

use rustc_hash::FxBuildHasher;

/// Nanoseconds a kilometre of great circle takes there and back in fibre, whose index of refraction is 1.468.
const FIBRE_NS_PER_KM: f64 = 9_793.0;

/// Mean radius of the earth in kilometres.
const RADIUS_KM: f64 = 6_371.0;

/// Regions with the latitude and longitude of their city in degrees, by name.
#[rustfmt::skip]
static REGIONS: &[(&str, f64, f64)] = &[
    ("af-south-1", -33.92, 18.42), // Cape Town
    ("ap-east-1", 22.32, 114.17), // Hong Kong
    ("ap-northeast-1", 35.68, 139.69), // Tokyo
    ("ap-northeast-2", 37.57, 126.98), // Seoul
    ("ap-northeast-3", 34.69, 135.50), // Osaka
    ("ap-south-1", 19.08, 72.88), // Mumbai
    ("ap-south-2", 17.39, 78.49), // Hyderabad
    ("ap-southeast-1", 1.35, 103.82), // Singapore
    ("ap-southeast-2", -33.87, 151.21), // Sydney
    ("ap-southeast-3", -6.21, 106.85), // Jakarta
    ("ap-southeast-4", -37.81, 144.96), // Melbourne
    ("asia-east1", 24.08, 120.54), // Changhua County
    ("asia-east2", 22.32, 114.17), // Hong Kong
    ("asia-northeast1", 35.68, 139.69), // Tokyo
    ("asia-northeast2", 34.69, 135.50), // Osaka
    ("asia-northeast3", 37.57, 126.98), // Seoul
    ("asia-south1", 19.08, 72.88), // Mumbai
    ("asia-south2", 28.61, 77.21), // Delhi
    ("asia-southeast1", 1.35, 103.82), // Singapore
    ("asia-southeast2", -6.21, 106.85), // Jakarta
    ("australia-southeast1", -33.87, 151.21), // Sydney
    ("australia-southeast2", -37.81, 144.96), // Melbourne
    ("australiaeast", -33.87, 151.21), // Sydney
    ("brazilsouth", -23.55, -46.63), // Sao Paulo
    ("ca-central-1", 45.50, -73.57), // Montreal
    ("ca-west-1", 51.05, -114.07), // Calgary
    ("canadacentral", 43.65, -79.38), // Toronto
    ("centralindia", 18.52, 73.86), // Pune
    ("centralus", 41.59, -93.62), // Des Moines
    ("eastasia", 22.32, 114.17), // Hong Kong
    ("eastus", 37.43, -78.66), // Virginia
    ("eastus2", 37.43, -78.66), // Virginia
    ("eu-central-1", 50.11, 8.68), // Frankfurt
    ("eu-central-2", 47.38, 8.54), // Zurich
    ("eu-north-1", 59.33, 18.07), // Stockholm
    ("eu-south-1", 45.46, 9.19), // Milan
    ("eu-south-2", 41.65, -0.89), // Zaragoza
    ("eu-west-1", 53.35, -6.26), // Dublin
    ("eu-west-2", 51.51, -0.13), // London
    ("eu-west-3", 48.86, 2.35), // Paris
    ("europe-central2", 52.23, 21.01), // Warsaw
    ("europe-north1", 60.57, 27.19), // Hamina
    ("europe-southwest1", 40.42, -3.70), // Madrid
    ("europe-west1", 50.45, 3.82), // Saint-Ghislain
    ("europe-west2", 51.51, -0.13), // London
    ("europe-west3", 50.11, 8.68), // Frankfurt
    ("europe-west4", 53.44, 6.83), // Eemshaven
    ("europe-west6", 47.38, 8.54), // Zurich
    ("europe-west8", 45.46, 9.19), // Milan
    ("europe-west9", 48.86, 2.35), // Paris
    ("francecentral", 48.86, 2.35), // Paris
    ("germanywestcentral", 50.11, 8.68), // Frankfurt
    ("il-central-1", 32.09, 34.78), // Tel Aviv
    ("japaneast", 35.68, 139.69), // Tokyo
    ("japanwest", 34.69, 135.50), // Osaka
    ("koreacentral", 37.57, 126.98), // Seoul
    ("me-central-1", 24.45, 54.38), // Abu Dhabi
    ("me-south-1", 26.23, 50.59), // Manama
    ("me-west1", 32.09, 34.78), // Tel Aviv
    ("northamerica-northeast1", 45.50, -73.57), // Montreal
    ("northamerica-northeast2", 43.65, -79.38), // Toronto
    ("northcentralus", 41.88, -87.63), // Chicago
    ("northeurope", 53.35, -6.26), // Dublin
    ("norwayeast", 59.91, 10.75), // Oslo
    ("sa-east-1", -23.55, -46.63), // Sao Paulo
    ("southafricanorth", -26.20, 28.05), // Johannesburg
    ("southamerica-east1", -23.55, -46.63), // Sao Paulo
    ("southcentralus", 29.42, -98.49), // San Antonio
    ("southeastasia", 1.35, 103.82), // Singapore
    ("swedencentral", 60.67, 17.14), // Gavle
    ("switzerlandnorth", 47.38, 8.54), // Zurich
    ("uaenorth", 25.20, 55.27), // Dubai
    ("uksouth", 51.51, -0.13), // London
    ("us-central1", 41.26, -95.86), // Council Bluffs
    ("us-east-1", 39.04, -77.49), // Ashburn
    ("us-east-2", 39.96, -83.00), // Columbus
    ("us-east1", 33.20, -80.01), // Moncks Corner
    ("us-east4", 39.04, -77.49), // Ashburn
    ("us-east5", 39.96, -83.00), // Columbus
    ("us-south1", 32.78, -96.80), // Dallas
    ("us-west-1", 37.77, -122.42), // San Francisco
    ("us-west-2", 45.92, -119.34), // Umatilla
    ("us-west1", 45.59, -121.18), // The Dalles
    ("us-west2", 34.05, -118.24), // Los Angeles
    ("us-west3", 40.76, -111.89), // Salt Lake City
    ("us-west4", 36.17, -115.14), // Las Vegas
    ("westcentralus", 41.14, -104.82), // Cheyenne
    ("westeurope", 52.37, 4.90), // Amsterdam
    ("westus", 37.77, -122.42), // San Francisco
    ("westus2", 47.23, -119.85), // Quincy
    ("westus3", 33.45, -112.07), // Phoenix
];

/// The least time between every two regions and back in nanoseconds: what they take otherwise is asked for each request.
static FLOORS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let place = |&(_, latitude, longitude): &(&str, f64, f64)| (latitude, longitude);
    let floor = |one, other| (great_circle_km(one, other) * FIBRE_NS_PER_KM) as u64;
    let from = |one| REGIONS.iter().map(move |other| floor(one, place(other)));
    REGIONS.iter().map(place).flat_map(from).collect()
});

/// Returns the least time between two regions and back in nanoseconds, if both are known.
pub(super) fn floor_ns(one: &str, other: &str) -> Option<u64> {
    Some(floor_between(number(one)?, number(other)?))
}

/// The numbers of regions, which are asked for in each request that meets them.
static NUMBERS: LazyLock<HashMap<&str, usize, FxBuildHasher>> =
    LazyLock::new(|| REGIONS.iter().map(|known| known.0).zip(0..).collect());

/// Returns the number of a region, if it is known.
pub(super) fn number(region: &str) -> Option<usize> {
    NUMBERS.get(region).copied()
}

/// Returns the least time between two regions, by their numbers, and back in nanoseconds.
pub(super) fn floor_between(one: usize, other: usize) -> u64 {
    FLOORS[one * REGIONS.len() + other]
}

/// Returns the length of the shortest way over the earth (the haversine formula).
fn great_circle_km(one: (f64, f64), other: (f64, f64)) -> f64 {
    let [(lat1, lon1), (lat2, lon2)] =
        [one, other].map(|(lat, lon): (f64, f64)| (lat.to_radians(), lon.to_radians()));
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord = half(lat2 - lat1) + lat1.cos() * lat2.cos() * half(lon2 - lon1);
    2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_those_of_published_distances() {
        for (one, other, km, ms) in [
            ("us-east-1", "eu-west-1", 5_462.0, 53.5),
            ("us-east-1", "us-west-2", 3_474.0, 34.0),
            ("us-east-1", "ap-northeast-1", 10_880.0, 106.6),
            ("us-east-1", "ap-southeast-2", 15_676.0, 153.5),
            ("eu-west-1", "eu-central-1", 1_088.0, 10.7),
            ("us-west-1", "westeurope", 8_773.0, 85.9),
        ] {
            let [from, to] = [one, other].map(|name| {
                let known = &REGIONS[number(name).unwrap()];
                (known.1, known.2)
            });
            let found = great_circle_km(from, to);
            assert!((found - km).abs() < 50.0, "{one} {other}: {found} km");
            let floor = floor_ns(one, other).unwrap() as f64 / 1e6;
            assert!((floor - ms).abs() < 0.5, "{one} {other}: {floor} ms");
            assert_eq!(floor_ns(one, other), floor_ns(other, one));
        }
        assert_eq!(floor_ns("us-east-1", "us-east-1"), Some(0));
        assert_eq!(floor_ns("us-east-1", "moon-north-1"), None);
    }

    #[test]
    fn the_table_is_sorted_and_on_earth() {
        assert!(REGIONS.is_sorted_by_key(|region| region.0));
        assert_eq!(NUMBERS.len(), REGIONS.len());
        for (name, latitude, longitude) in REGIONS {
            assert!(latitude.abs() <= 90.0 && longitude.abs() <= 180.0, "{name}");
        }
    }
}

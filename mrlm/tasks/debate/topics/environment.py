"""Motions about the environment and cities; the layout is described in the package."""

TEXT = """
plastic_bags: Shops should ban plastic bags.
+ After a ban on plastic bags, {n} percent fewer turtles were found dead.
- After a ban on plastic bags, {n} percent more thick bin bags were sold.
+ Cloth bags last for years.
- Cloth bags need more water to make than plastic bags do.
+ Streets and drains stay clear without plastic bags.
- Food gets wet and spoils without plastic bags.
= Bags can have one handle or two.
= Shopping carts were invented in the last century.

car_free_centres: City centres should be free of cars.
+ The air in car free centres held {n} percent less dust.
- The traffic around car free centres grew by {n} percent.
+ Cafes sell more where people can stroll without cars.
- Furniture shops sell less where customers cannot park.
+ Children can play safely in streets without cars.
- Old people cannot reach doctors in streets without cars.
= Many city centres have a fountain.
= Pigeons live in most cities.

meat_tax: Meat should be taxed more.
+ A meat tax would save {n} percent of the gas that warms the climate.
- A meat tax would close {n} of 100 small farms.
+ Eating less meat keeps hearts healthy.
- Eating less meat leaves some children short of iron.
+ Money from a meat tax could make vegetables cheap.
- A tax on meat hits the poor harder than the rich.
= Beans grow in pods.
= Sausages are older than bread ovens.

wind_farms: More wind farms should be built on land.
+ Wind farms made power for {n} percent less than coal did.
- Wind farms stood still on {n} days of the year.
+ Farmers earn rent from wind farms on their fields.
- Neighbours of wind farms get less for their houses.
+ Wind power leaves no smoke and no ash.
- Blades of wind farms kill bats and large birds.
= Windmills once ground grain.
= Kites fly when there is wind.

organic_farming: All farming should be organic.
+ Organic fields held {n} percent more bees.
- Organic fields gave {n} percent less grain.
+ Organic food carries no traces of insect poison.
- Organic food costs more than poor families can pay.
+ Soil on organic farms stays rich for the next generation.
- Organic farms need more land, so forests are cut down.
= Carrots were not always orange.
= A scarecrow often wears an old hat.

flying_less: Short flights should be banned.
+ A train puts {n} percent less carbon into the air than a short flight.
- A train takes {n} minutes longer than a short flight.
+ Without short flights, nights near airports are quiet.
- Without short flights, small airports lose their jobs.
+ Trains bring travellers right into the city.
- Islands and mountain towns have no trains at all.
= Aeroplane windows are small and round.
= Tickets can be shown on a phone.

hunting: Hunting for sport should be banned.
+ Hunters wounded {n} of 100 animals without killing them.
- Hunters paid for {n} of 100 rangers in the parks.
+ Wolves keep herds of deer healthy without hunters.
- Without hunters, herds of deer eat up young forests.
+ Walkers feel unsafe where people hunt for sport.
- Villages live on guests who come to hunt.
= Deer lose their antlers each year.
= A fox has a bushy tail.

dams: Rivers should be kept free of new dams.
+ New dams drove {n} thousand people from their homes.
- New dams gave {n} thousand homes electric light.
+ Salmon cannot reach their nests where dams stand.
- Fields stay green in dry years where dams store water.
+ Old dams break and flood whole valleys.
- Good dams hold back floods from whole valleys.
= Rivers flow towards the sea.
= Beavers build with sticks and mud.

tourism_limits: Popular cities should limit tourism.
+ Rents fell by {n} percent where tourism was limited.
- Hotels lost {n} percent of their jobs where tourism was limited.
+ Fewer visitors wear down old steps and paintings less.
- Fewer visitors leave less money to mend old buildings.
+ Residents can cross their squares again when visitors are few.
- Residents meet the world through visitors to their squares.
= Postcards often show towers.
= Some museums close on Mondays.

bottled_water: Bottled water should not be sold where tap water is safe.
+ Bottled water costs {n} times as much as tap water.
- Bottled water helped {n} towns when their pipes broke.
+ Empty bottles float in rivers for centuries.
- Empty bottles can be collected and made into new ones.
+ Tap water is tested every day.
- Tap water tastes of chlorine in many places.
= Water boils when it is heated.
= A bottle has a neck.

bicycles: Cities should build bicycle lanes instead of car parks.
+ Accidents fell by {n} percent where bicycle lanes were built.
- Sales fell by {n} percent where car parks were removed.
+ People who cycle to work are ill less often.
- People who live far away cannot cycle to work.
+ Ten bicycles fit where one car is parked.
- Bicycle lanes stand empty in winter.
= Bicycles have two wheels.
= Some bells ring and others hum.

pets: Keeping exotic pets should be banned.
+ Of exotic pets, {n} of 100 die within a year.
- Owners of exotic pets bred {n} kinds that are rare in nature.
+ Snakes that escape from owners kill local birds.
- Children learn respect for nature by caring for snakes.
+ Exotic pets carry germs that doctors do not know.
- Exotic pets help people who cannot stand fur.
= Parrots can copy sounds.
= Fish sleep with open eyes.

urban_farming: Cities should turn parks into vegetable gardens.
+ City gardens fed {n} families on one hectare.
- City gardens used {n} percent more water than lawns.
+ Neighbours become friends when they dig together.
- Neighbours lose the lawns where they used to meet.
+ Fresh vegetables from the park need no trucks.
- Vegetables beside roads take in dirt from traffic.
= Tomatoes are fruits to a botanist.
= A spade has a long handle.

space_mining: Companies should be allowed to mine asteroids.
+ One asteroid holds metal for {n} million batteries.
- One failed asteroid mission wastes {n} million euros.
+ Mining in space spares forests and rivers on Earth.
- Mining in space leaves dangerous scraps around the Earth.
+ Rights to mine make companies invest in new engines.
- Rights to mine give a few rich companies what belongs to all.
= Some asteroids have small moons.
= Iron sticks to a magnet.

night_lights: Shop windows should be dark at night.
+ Towns with dark windows used {n} percent less power at night.
- Towns with dark windows saw {n} percent more thefts at night.
+ Moths and birds lose their way in bright streets.
- Women walking home feel safer in bright streets.
+ People sleep better when windows opposite are dark.
- Shops sell less when nobody sees their windows at night.
= Lamps can hang or stand.
= Candles are made of wax.

fast_fashion: Very cheap clothes should be taxed.
+ Of very cheap shirts, {n} of 100 are thrown away within a year.
- Very cheap shirts clothe {n} of 100 poor children.
+ Dye from cheap clothes poisons rivers.
- Jobs in cheap clothes factories feed whole towns.
+ A tax would make people mend what they have.
- A tax would make people order clothes from abroad.
= Zips were invented to close boots.
= Wool comes from sheep.
"""

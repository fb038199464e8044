"""Motions about technology and science; the layout is described in the package."""

TEXT = """
remote_work: Companies should let employees work from home.
+ Working from home saves an employee {n} minutes of travel a day.
- Travel to the office gives {n} of 100 employees a clear break between work and home.
+ In a survey, {n} of 100 employees said that they focus better at home.
- In a survey, {n} of 100 employees said that children distract them at home.
+ Teams at home can hire skilled people who live far away.
- New employees learn more slowly when colleagues sit far away.
= Most offices have desks, chairs and a kitchen.
= The first typewriters were sold in the nineteenth century.

social_media: Social media does more good than harm.
+ Social media lets {n} of 100 migrants talk to their families every day.
- Heavy users of social media spend {n} minutes less a day with their families.
+ Small shops find new customers on social media at almost no cost.
- Fake shops on social media cheat customers out of their money.
+ Warnings about floods spread on social media within minutes.
- False rumours spread faster on social media than corrections do.
= Most social networks let users choose a picture.
= A message can hold letters, pictures or sound.

electric_vehicles: Cities should move to electric vehicles quickly.
+ Electric buses put no exhaust into the air of a city.
- Making a large battery puts as much carbon into the air as months of driving.
+ Charging a car costs {n} percent less than filling it with petrol.
- Buying an electric car costs {n} percent more than buying a petrol car.
+ Electric engines have few parts and rarely break down.
- Few repair shops know how to mend an electric engine.
= Cars in most countries drive on the right.
= The first traffic lights were lit by gas.

ai_regulation: Governments should regulate artificial intelligence strictly.
+ Tested rules stop unsafe AI systems before they reach hospitals.
- Strict rules keep helpful AI systems out of hospitals for years.
+ In a survey, {n} of 100 people said that they trust regulated AI more.
- In a survey, {n} of 100 founders said that AI rules would make them move abroad.
+ Clear duties tell victims of a wrong AI decision whom they can sue.
- AI changes so fast that strict duties are outdated within a year.
= The word robot comes from a play.
= Computers store numbers as zeros and ones.

space_funding: Governments should spend more on space exploration.
+ Weather satellites from space programmes warn {n} coastal towns of storms.
- The price of one rocket would pay for storm walls in {n} coastal towns.
+ Space missions train young engineers who later build useful machines.
- Space missions draw young engineers away from hospitals and farms.
+ Tools made for space now clean water in remote villages.
- Most tools made for space never find a use on Earth.
= The Moon goes around the Earth in about a month.
= Astronauts sleep in bags that are tied to a wall.

online_education: Online education should replace classroom teaching.
+ Online courses cost {n} percent less than classes in a building.
- Online students need computers that {n} of 100 families cannot pay for.
+ Students online can repeat a lesson until they understand it.
- Students online wait hours for help that a teacher gives at once.
+ Online education reaches children in villages without a school.
- Children in online education miss the friends whom they meet at school.
= Chalk was once dug out of the ground.
= School years start in different months around the world.

privacy_security: Personal privacy matters more than national security.
+ Stored personal data was stolen from {n} offices in one year.
- Stored phone data helped the police stop {n} attacks in one year.
+ People who feel watched stop saying what they think.
- People who feel unsafe stop going to public places.
+ Governments have used secret files to silence their critics.
- Governments without secret files learn of spies too late.
= Passports have pages for stamps.
= Many doors have a lock and a key.

nuclear_power: Countries should build more nuclear power plants.
+ A nuclear plant makes power day and night without smoke.
- A nuclear plant leaves waste that stays dangerous for thousands of years.
+ One nuclear plant supplies {n} thousand homes from a small site.
- One nuclear plant takes {n} months longer to build than a wind farm.
+ Nuclear fuel for a whole year fits into a few trucks.
- Nuclear fuel has to be bought from very few countries.
= Power lines hang between tall masts.
= A light bulb can be screwed into a socket.

driverless_cars: Driverless cars should be allowed on all roads.
+ Driverless cars never drive drunk or tired.
- Driverless cars misread snow and heavy rain.
+ Driverless cars let {n} of 100 blind people travel on their own.
- Driverless cars would cost {n} of 100 drivers their jobs.
+ Driverless cars brake {n} percent faster than people do.
- Driverless cars can be attacked from afar through their software.
= Tyres are made of rubber.
= Many cars have a spare wheel in the back.

phones_in_class: Schools should ban phones from classrooms.
+ Grades rose in {n} schools after phones were banned from class.
- Grades fell in {n} schools where phones had served as dictionaries.
+ Without phones, pupils talk to each other in the breaks.
- Without phones, pupils cannot reach their parents in an emergency.
+ Bullying by message stops in class when phones stay outside.
- Teachers lose {n} minutes a day collecting and guarding phones.
= The first phones hung on a wall.
= School bells ring at fixed times.

facial_recognition: Police should use facial recognition in public places.
+ Facial recognition found {n} missing children in one year.
- Facial recognition accused {n} innocent people in one year.
+ Cameras that know faces catch thieves without a chase.
- Cameras that know faces let officers follow people without cause.
+ Checks by face take seconds instead of an hour of paperwork.
- Checks by face fail more often for people with dark skin.
= Most cameras have a lens made of glass.
= A police whistle is very loud.

cash: Shops should stop taking cash.
+ Shops without cash were robbed {n} percent less often.
- Shops without cash lost sales on {n} days when the network failed.
+ Paying by card is faster than counting coins.
- Paying by card costs the shop a fee on each sale.
+ Card payments leave records that make tax fraud hard.
- Card payments leave records that show banks what people buy.
= Coins are round in most countries.
= Some banknotes show birds or bridges.

human_mars: People should travel to Mars within thirty years.
+ People on Mars could search for life better than any robot.
- Robots on Mars do the same research for a small part of the price.
+ A base on Mars would keep mankind alive after a disaster on Earth.
- Money for Mars would prevent more disasters if spent on Earth.
+ In a survey, {n} of 100 pupils said that Mars makes them like science.
- In a study, {n} of 100 volunteers fell ill in a model of the Mars trip.
= Mars looks red from far away.
= A day on Mars lasts a little longer than ours.

genetic_crops: Farmers should grow genetically modified crops.
+ Modified rice survived the drought on {n} farms.
- Modified rice did no better than old kinds on {n} farms.
+ Modified plants need less poison against insects.
- Insects get used to modified plants and become harder to kill.
+ Farmers earn more because fewer modified plants rot in the field.
- Farmers must buy modified seed again from one company each year.
= Rice is eaten with a spoon or with sticks.
= A tractor has large wheels at the back.

open_source: Public offices should use only open source software.
+ Open source software saved one city {n} percent of its licence costs.
- Training staff for open source software cost one city {n} percent more.
+ Anyone can check open source software for hidden spying.
- Attackers can read open source software to find its holes.
+ Offices can change open source software without asking a seller.
- Offices with open source software have no seller to call when it fails.
= The first computers filled whole rooms.
= A keyboard has more than fifty keys.

lab_meat: Meat grown in laboratories should replace farmed meat.
+ Laboratory meat needs {n} percent less land than cattle do.
- Laboratory meat costs {n} percent more than meat from a farm.
+ No animal has to die for meat that is grown in a laboratory.
- Meat from a laboratory would leave herders without a living.
+ Clean tanks keep dangerous germs away from the meat.
- Nobody knows what eating meat from tanks does over a lifetime.
= Cows have four parts to their stomach.
= Forks came into use later than knives.
"""
